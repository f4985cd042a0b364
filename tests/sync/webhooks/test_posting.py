"""Posting to strangers, over real connections."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook
from yarl import URL

from preferences.addresses import Allowed, ForbiddenAddressError, check_url
from sync.guard import open_guarded
from sync.posting import Answer, Poster, UnansweredError
from tests.sync.names import Names, unused_port
from tests.sync.webhooks.hook import Hook, hooked
from tests.sync.webhooks.world import ALLOWED

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
CRM = Allowed.of(["crm.example"])


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooked() as one:
        one.secrets.append(SECRET)
        yield one


async def posted(poster: Poster, url: str, **more: Any) -> Answer:
    now = more.get("now", datetime.now(UTC))
    return await poster.post(URL(url), [Webhook(SECRET)], "msg_1", '{"a": "ü"}', now)


def named(hook: Hook, host: str = "crm.example") -> str:
    return str(URL(hook.url).with_host(host))


async def test_a_message_verifies_whatever_zone_the_clock_is_in(hook: Hook, poster: Poster) -> None:
    for zone in (UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-8))):
        answer = await posted(poster, hook.url, now=datetime.now(zone))

        assert answer == Answer(204, timedelta())

    assert hook.messages == [{"a": "ü"}] * 3
    assert hook.names == ["msg_1"] * 3


async def test_the_host_stays_the_name_and_the_address_is_the_one_that_was_judged(
    hook: Hook,
) -> None:
    names = Names({"crm.example": [["127.0.0.1"], ["127.0.0.2"]]})
    async with open_guarded(CRM, names) as session:
        await posted(Poster(session), named(hook))

    assert names.asked == ["crm.example"]
    assert hook.requests[0].host == f"crm.example:{URL(hook.url).port}"
    assert hook.messages


async def test_a_name_is_told_to_tls_and_must_be_in_the_certificate(tmp_path: Path) -> None:
    server, client = certified(tmp_path, "crm.example")
    asked = list[str]()
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    names = Names({"crm.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    async with hooked(server) as hook, open_guarded(ALLOWED, names, client) as session:
        hook.secrets.append(SECRET)
        url = str(check_url(named(hook).replace("http:", "https:"), ALLOWED))

        assert (await posted(Poster(session), url)).status == 204
        with pytest.raises(UnansweredError, match="Certificate"):
            await posted(Poster(session), url.replace("crm", "other"))

    assert asked == ["crm.example", "other.example"]


@pytest.mark.parametrize(
    "leads",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["fe80::1%1"], ["::ffff:127.0.0.1"]],
)
async def test_a_name_that_leads_inside_is_not_connected_to(hook: Hook, leads: list[str]) -> None:
    async with open_guarded(Allowed(), Names({"crm.example": leads})) as session:
        with pytest.raises(ForbiddenAddressError):
            await posted(Poster(session), named(hook).replace("http:", "https:"))

    assert hook.requests == []


async def test_a_name_that_leads_elsewhere_the_second_time_is_judged_again(hook: Hook) -> None:
    names = Names({"crm.example": [["8.8.8.8"], ["127.0.0.1"]]})
    await names.resolve("crm.example")  # as when the endpoint was added
    async with open_guarded(Allowed(), names) as session:
        with pytest.raises(ForbiddenAddressError):
            await posted(Poster(session), named(hook).replace("http:", "https:"))

    assert hook.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(
    hook: Hook, poster: Poster, status: int
) -> None:
    hook.answers.append({"status": status, "headers": {"Location": hook.url}})

    assert (await posted(poster, hook.url)).status == status
    assert len(hook.requests) == 1


async def test_a_proxy_of_the_environment_is_not_used(
    hook: Hook, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")

    assert (await posted(poster, hook.url)).status == 204


async def test_of_an_endless_body_little_is_read(hook: Hook, poster: Poster) -> None:
    hook.answers.append("endless")

    assert (await posted(poster, hook.url)).status == 200
    assert (await posted(poster, hook.url)).status == 204
    assert hook.sent < 64 * 1024**2


async def test_a_body_that_never_ends_in_time_does_not_undo_the_answer(hook: Hook) -> None:
    async with open_guarded(ALLOWED) as session:
        hasty = Poster(session, patience=timedelta(seconds=0.5))
        hook.answers.append({"status": 200, "headers": {"Content-Length": "9"}, "body": Dribble()})

        assert (await posted(hasty, hook.url)).status == 200


async def test_no_answer_in_time_is_no_answer(hook: Hook) -> None:
    hook.delay = 5
    async with open_guarded(ALLOWED) as session:
        with pytest.raises(UnansweredError, match="Timeout"):
            await posted(Poster(session, patience=timedelta(seconds=0.2)), hook.url)


async def test_who_is_not_there_or_hangs_up_did_not_answer(hook: Hook, poster: Poster) -> None:
    hook.answers.append("lost")

    with pytest.raises(UnansweredError, match="is it running"):
        await posted(poster, hook.url)
    with pytest.raises(UnansweredError, match="is it running"):
        await posted(poster, f"http://127.0.0.1:{unused_port()}/hook")


async def test_a_name_that_leads_nowhere_is_no_answer() -> None:
    async with open_guarded(CRM, Names({})) as session:
        with pytest.raises(UnansweredError, match="DNS"):
            await posted(Poster(session), "https://crm.example/hook")


async def test_what_is_packed_is_not_unpacked(hook: Hook, poster: Poster) -> None:
    packed = gzip.compress(bytes(10 * 1024**2))
    hook.answers.append({"headers": {"Content-Encoding": "gzip"}, "body": packed})

    assert (await posted(poster, hook.url)).status == 200
    assert (await posted(poster, hook.url)).status == 204
    assert hook.peers[0] == hook.peers[1]  # what was read was little: the connection is kept


class Dribble:
    """A body that says one byte and then nothing for long."""

    def __aiter__(self) -> "Dribble":
        self.said = False
        return self

    async def __anext__(self) -> bytes:
        if self.said:
            await asyncio.sleep(5)
        self.said = True
        return b"."


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "tls.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=file)
