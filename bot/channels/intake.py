"""The webhooks of all channels: who signed, what is new, kept and queued, and only then acknowledged."""

import asyncio
import hmac
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import groupby

from aiohttp import web

from bot.channels.channel import Channel
from bot.channels.reading import Reading, cleaned
from bot.limits import Rate
from bot.messages import TURNS, Inbound
from bot.parts import BUS, CHANNELS, CLOCK, LIMITER, QUEUE, SEEN, SETTINGS, STORE, TOKENS
from bot.problems import problem
from bot.together import Together, all_of
from preferences.errors import BadInputError
from preferences.store.addresses import Place
from preferences.store.arrivals import (
    Reception,
    conversations_at,
    follow,
    give_floor,
    take_floor,
    unsay,
)
from preferences.store.dispatches import News, hear, hear_until
from preferences.store.lots import arrive_together
from preferences.store.marketing import resume_marketing, stop_marketing
from preferences.store.talks import Deed, Kept
from preferences.understanding import is_stop

logger = logging.getLogger(__name__)

_PATH = "/v1/channels/{channel}"
_BURST = 10
_NOT_OURS = frozenset({"unsupported", "ignored_field", "group_message", "unreadable"})
_AT_ONCE = 8
_OPTED_OUT = 131050
"""What WhatsApp answers where the recipient wants no advertising."""
_MOST_TOGETHER = 200
_DOOR = web.AppKey("channels_door", asyncio.Semaphore)
_ARRIVALS = web.AppKey("channels_arrivals", Together[Deed, Kept])
_NEWS = web.AppKey("channels_news", Together[Sequence[News], None])


def setup(app: web.Application) -> None:
    """Add one address for each channel that the settings name, and the door that reports pass by.

    More connections than a few only wait for one another.
    """
    app[_DOOR] = asyncio.Semaphore(_AT_ONCE)
    app[_ARRIVALS] = Together(partial(_keep_lot, app), _MOST_TOGETHER)
    app[_NEWS] = Together(partial(_hear_lot, app), _MOST_TOGETHER)
    app[SEEN] = Counter()
    app.router.add_get(_PATH, handshake)
    app.router.add_post(_PATH, report)


async def handshake(request: web.Request) -> web.Response:
    """Answer a platform that asks whether this address is ours."""
    return _channel(request).handshake(request)


async def report(request: web.Request) -> web.Response:
    """Take a report: 200 says that all of it is kept, 503 asks the platform to send it again."""
    channel = _channel(request)
    raw = await request.read()
    if not channel.is_signed(request, raw):
        message = (
            f"The signature is missing or wrong; check the secret of {channel.name} on both sides."
        )
        return problem(401, "signature", message)
    try:
        found = channel.parse(raw)
    except BadInputError as error:
        logger.warning("A signed webhook of %s could not be read.", channel.name)
        return problem(400, "body", str(error))
    await _take(request.app, channel, [_own(one, channel) for one in found])
    return web.Response(text="kept\n")


def _channel(request: web.Request) -> Channel:
    channel = request.app[CHANNELS].get(request.match_info["channel"])
    if channel is None:
        raise web.HTTPNotFound
    return channel


def _own(one: Inbound, channel: Channel) -> Inbound:
    """Leave out what is for another number or page than the shop's own."""
    foreign = one.account and one.account not in channel.accounts
    return Inbound("ignored_field", kind="foreign account") if foreign else one


async def _take(app: web.Application, channel: Channel, found: Sequence[Inbound]) -> None:
    """Take in all of a report; each part may be taken again without harm."""
    now = app[CLOCK]()
    for one in found:
        _count(app, channel, one)
        if one.renamed is not None:
            async with app[_DOOR]:
                await follow(app[STORE], *one.renamed, now)
    turns = sorted((one for one in found if one.action in TURNS and one.names), key=_whose)
    deeds = [
        await _deed(app, _place(channel, mine[0]), dict(names), mine, now)
        for (_, names), group in groupby(turns, key=_whose)
        if (mine := list(group))
    ]
    await all_of(_keep(app, deed) for deed in deeds)
    for one in found:
        await _beside(app, channel, one, now)
    await _hear(app, channel, found, now)


async def _beside(app: web.Application, channel: Channel, one: Inbound, now: datetime) -> None:
    """Take in what stands beside turns; names that cannot be are the channel's own."""
    try:
        await _other(app, channel, one, now)
    except BadInputError:
        own = {channel.name: next(iter(one.names.values()), "")}
        with suppress(BadInputError):  # sent again, it would be no better
            await _other(app, channel, replace(one, names=own), now)


async def _other(app: web.Application, channel: Channel, one: Inbound, now: datetime) -> None:
    """Take in what is no turn and no news of a message of ours."""
    place, destinations = _place(channel, one), app[SETTINGS].destinations
    at = min(one.at or now, now)
    if one.action in ("message_deleted", "message_edited") and one.about and one.names:
        instead = None if one.text is None else cleaned(one.text)
        async with app[_DOOR]:
            await unsay(app[STORE], place, one.names, one.about, instead)
    elif one.action in ("echo", "handover", "standby"):
        async with app[_DOOR]:
            await _hand_over(app, place, one, now)
    elif one.names and _stops_marketing(one):
        async with app[_DOOR]:
            await stop_marketing(app[STORE], channel.name, one.names, destinations, at)
    elif one.names and one.action == "marketing_opt_in":
        async with app[_DOOR]:
            await resume_marketing(app[STORE], channel.name, one.names, destinations, at)
    elif one.action == "ops_alert":
        logger.error("%s reports on the account: %s; look there.", channel.name, one.kind)


def _stops_marketing(one: Inbound) -> bool:
    """Tell whether somebody stopped the shop's advertising at the platform, or had done so before."""
    told = one.receipt is not None and one.receipt.error == _OPTED_OUT
    return one.action == "marketing_opt_out" or (one.action == "status" and told)


def _whose(one: Inbound) -> tuple[str, tuple[tuple[str, str], ...]]:
    return one.account, tuple(sorted(one.names.items()))


def _place(channel: Channel, one: Inbound) -> Place:
    return Place(channel.name, one.account or channel.accounts[0])


async def _deed(
    app: web.Application, place: Place, names: dict[str, str], found: list[Inbound], now: datetime
) -> Deed:
    """Tell what one person did, in the order of the platform's times."""
    found.sort(key=lambda one: one.at or now)
    allowed = {one.key for one in found if await _is_allowed(app, one)}
    late = now - timedelta(minutes=app[SETTINGS].late_minutes)
    read = Reading(app[TOKENS], allowed, late, now).of(found)
    return Deed(place, names, read, next((one.source for one in found if one.source), {}))


async def _keep(app: web.Application, deed: Deed) -> None:
    """Keep what one person did, together with what others did meanwhile, and have it answered."""
    talk, waiting = await app[_ARRIVALS].add(deed)
    if waiting:
        await app[BUS].tell(talk.id, "log")
        await app[QUEUE].put(talk.shopper)


async def _keep_lot(app: web.Application, deeds: Sequence[Deed]) -> Sequence[Kept | Exception]:
    async with app[_DOOR]:
        return await arrive_together(app[STORE], deeds, _reception(app), app[CLOCK]())


async def _hear_lot(
    app: web.Application, lot: Sequence[Sequence[News]]
) -> Sequence[Exception | None]:
    async with app[_DOOR]:
        await hear(app[STORE], [one for news in lot for one in news], app[CLOCK]())
    return [None] * len(lot)


async def _is_allowed(app: web.Application, one: Inbound) -> bool:
    """Count a message against its sender's rate; a wish to be left alone is never too much."""
    settings = app[SETTINGS]
    if is_stop(one.text or ""):
        return True
    key = settings.session_secret.get_secret_value().encode()
    who = hmac.new(key, f"{one.account}\n{one.sender}".encode(), sha256).hexdigest()[:32]
    rate = Rate(settings.messages_per_minute, _BURST)
    return not await app[LIMITER].wait(f"channel:{who}", rate)


async def _hand_over(app: web.Application, place: Place, one: Inbound, now: datetime) -> None:
    """Be silent where a person talks; what the page said on our behalf is no person."""
    receipt = one.receipt
    if one.pauses is None or not one.names:
        return
    if receipt is not None:
        ours = News("sent", receipt.ids, receipt.reference)
        if await hear(app[STORE], [ours], now):
            return
    if one.pauses:
        talk = await give_floor(app[STORE], place, one.names, reception=_reception(app), now=now)
        await app[BUS].tell(talk, "log")
    else:
        await take_floor(app[STORE], place, one.names)


async def _hear(
    app: web.Application, channel: Channel, found: Sequence[Inbound], now: datetime
) -> None:
    """Take in what became of messages of ours."""
    told = [one for one in found if one.action == "status" and one.receipt and one.receipt.state]
    news = [
        News(str(it.state), it.ids, it.reference, it.error, it.free)
        for one in told
        if (it := one.receipt) is not None
    ]
    if news:
        await app[_NEWS].add(news)
    for one in told:
        if one.receipt is not None and one.receipt.until is not None and not one.receipt.ids:
            state = str(one.receipt.state)
            async with app[_DOOR]:
                talks = await conversations_at(app[STORE], _place(channel, one), one.names)
                await hear_until(app[STORE], talks, state, one.receipt.until, now)


def _reception(app: web.Application) -> Reception:
    settings = app[SETTINGS]
    takeover = timedelta(hours=settings.takeover_hours)
    return Reception(settings.locale, settings.destinations, takeover)


def _count(app: web.Application, channel: Channel, one: Inbound) -> None:
    """Count what comes, and say so when something that is not for us comes the first time."""
    counter, name = app[SEEN], (channel.name, f"{one.action} {one.kind or ''}".strip())
    counter[name] += 1
    if one.action in _NOT_OURS and counter[name] == 1:
        logger.info("%s sends what is not for the assistant (%s); it is acknowledged.", *name)
