from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.tokens import TokenError, Tokens

SECRET, SHOP_SECRET = "s" * 64, "i" * 64
TOKENS = Tokens(SECRET, SHOP_SECRET)
NAMES = st.text(st.characters(exclude_characters=":"), min_size=1, max_size=20)


def now() -> datetime:
    return datetime.now(UTC)


def vouched(secret: str = SHOP_SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    """What the shop signs for somebody who is logged in."""
    claims = {
        "sub": "4711",
        "aud": "askfirst",
        "iat": now(),
        "exp": now() + timedelta(minutes=15),
    } | changes
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, secret, algorithm)


# Sessions


def test_a_session_leads_back_to_its_conversation() -> None:
    session, until = TOKENS.session("talk", now())

    assert TOKENS.conversation(session) == "talk"
    assert timedelta(days=29) < until - now() <= timedelta(days=30)


def test_a_session_that_is_over_is_refused() -> None:
    session, _ = TOKENS.session("talk", now() - timedelta(days=31))

    with pytest.raises(TokenError, match="begin a new one"):
        TOKENS.conversation(session)


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "a.b.c",
        "\udcff\udcfe",
        "ü",
        Tokens("o" * 64, SHOP_SECRET).session("talk", now())[0],
        vouched(),
        vouched(secret=SECRET),
        jwt.encode({"sub": "talk", "aud": "askfirst-chat"}, SECRET, "HS256"),
        jwt.encode({"aud": "askfirst-chat", "exp": now() + timedelta(days=1)}, SECRET, "HS256"),
        jwt.encode({"sub": "talk", "aud": "askfirst-chat", "exp": 9e9}, None, "none"),
    ],
)
def test_a_session_that_we_did_not_give_is_refused(forged: str) -> None:
    with pytest.raises(TokenError):
        TOKENS.conversation(forged)


@given(st.text(st.characters()))
def test_whatever_comes_as_a_session_is_refused_and_breaks_nothing(anything: str) -> None:
    with pytest.raises(TokenError):
        TOKENS.conversation(anything)


# Who is logged in


def test_the_customer_is_whom_the_shop_vouches_for() -> None:
    assert TOKENS.customer(vouched()) == "4711"


def test_the_shops_clock_may_be_half_a_minute_off() -> None:
    ahead, behind = now() + timedelta(seconds=20), now() - timedelta(seconds=20)

    assert TOKENS.customer(vouched(iat=ahead, exp=ahead + timedelta(minutes=15))) == "4711"
    assert TOKENS.customer(vouched(iat=behind - timedelta(minutes=9), exp=behind)) == "4711"


@pytest.mark.parametrize(
    "identity",
    [
        vouched(secret="w" * 64),
        vouched(secret=SECRET),
        vouched(aud="somebody else"),
        vouched(aud=None),
        vouched(sub=None),
        vouched(exp=None),
        vouched(iat=None),
        vouched(exp=now() - timedelta(minutes=1)),
        vouched(iat=now() + timedelta(hours=1), exp=now() + timedelta(hours=1, minutes=9)),
        vouched(exp="soon"),
        vouched(algorithm="HS512"),
        "\ud800",
        "",
    ],
)
def test_anything_else_is_refused_with_a_sentence_for_the_shop(identity: str) -> None:
    with pytest.raises(TokenError, match=r"is not valid .*; the shop has to sign a new one\."):
        TOKENS.customer(identity)


@pytest.mark.parametrize("as_text", [False, True])
def test_an_identity_that_lasts_more_than_fifteen_minutes_is_refused(*, as_text: bool) -> None:
    end = int((now() + timedelta(minutes=16)).timestamp())
    begin = int(now().timestamp())

    with pytest.raises(TokenError, match="more than 15 minutes"):
        TOKENS.customer(vouched(iat=begin, exp=str(end) if as_text else end))


# Buttons


def test_a_button_tells_what_it_was_issued_for() -> None:
    assert TOKENS.pressed("talk", TOKENS.press("talk", "talk.7", 2)) == ("talk.7", 2)


def test_a_button_holds_in_its_own_conversation_and_deployment_alone() -> None:
    token = TOKENS.press("talk", "talk.7", 2)

    for tokens, conversation in ((TOKENS, "other"), (Tokens("o" * 64, SHOP_SECRET), "talk")):
        with pytest.raises(TokenError, match="another conversation"):
            tokens.pressed(conversation, token)


def test_a_button_of_one_option_is_not_that_of_another() -> None:
    ask, _, seal = TOKENS.press("talk", "talk.7", 2).split(":")

    for forged in (f"{ask}:1:{seal}", f"talk.8:2:{seal}", f"{ask}:2:{seal[:-1]}", f"{ask}:2:"):
        with pytest.raises(TokenError):
            TOKENS.pressed("talk", forged)


@pytest.mark.parametrize("token", ["", ":", "a:b:c", "a:-1:c", "a:²:c", "a:100:c", "/stop", "a:1"])
def test_what_is_no_button_is_told_as_such(token: str) -> None:
    with pytest.raises(TokenError):
        TOKENS.pressed("talk", token)


@given(NAMES, NAMES, NAMES, st.integers(0, 99))
def test_a_button_of_another_conversation_never_holds(
    here: str, elsewhere: str, ask: str, option: int
) -> None:
    assume(here.encode("utf-8", "replace") != elsewhere.encode("utf-8", "replace"))
    token = TOKENS.press(elsewhere, ask, option)

    with pytest.raises(TokenError):
        TOKENS.pressed(here, token)


@given(st.text(st.characters()))
def test_whatever_comes_as_a_button_is_refused_and_breaks_nothing(anything: str) -> None:
    for token in (anything, f"{anything}:1:{anything}"):
        with pytest.raises(TokenError):
            TOKENS.pressed("talk", token)


# Words that were shown


def test_the_proof_of_words_tells_when_they_were_shown() -> None:
    at = now()

    assert TOKENS.shown_at("talk", "May I?", TOKENS.shown("talk", "May I?", at)) == at


def test_the_proof_of_words_holds_for_these_here_and_for_a_quarter_of_an_hour_alone() -> None:
    proof = TOKENS.shown("talk", "May I?", now())
    old = TOKENS.shown("talk", "May I?", now() - timedelta(minutes=16))

    for tokens, conversation, words, shown in (
        (TOKENS, "other", "May I?", proof),
        (TOKENS, "talk", "May we?", proof),
        (TOKENS, "talk", "May I?", old),
        (TOKENS, "talk", "May I?", TOKENS.own_page("talk", now())),
        (TOKENS, "talk", "May I?", ""),
        (Tokens("o" * 64, SHOP_SECRET), "talk", "May I?", proof),
    ):
        with pytest.raises(TokenError, match="open the page again"):
            tokens.shown_at(conversation, words, shown)
