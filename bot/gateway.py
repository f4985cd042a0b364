"""The only public face: puts channels, webhooks, API and widget together (`python -m bot.gateway`)."""

import asyncio
import logging
import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, web
from uvloop import new_event_loop

from bot import health
from bot.api import routes as api
from bot.assistant import open_assistant
from bot.background import background
from bot.bus import LocalBus
from bot.channels import intake as channels
from bot.channels import web as website
from bot.channels.channel import open_channel
from bot.channels.meta import META_CHANNELS, end_of
from bot.demo import routes as demo
from bot.limits import LocalLimiter, RedisLimiter
from bot.orders import intake, shopify, woocommerce
from bot.origins import allow_origin, origins
from bot.own import routes as own
from bot.parts import (
    ASSISTANT,
    BUS,
    CATALOGUE,
    CHANNELS,
    CLOCK,
    LIMITER,
    POLICY,
    QUEUE,
    SETTINGS,
    STORE,
    TOKENS,
    VOICE,
    Clock,
)
from bot.poll import routes as poll
from bot.problems import problems
from bot.queue import Queue, open_local_queue
from bot.redis import connect, namespace_of, open_redis_bus, open_redis_queue
from bot.sending import Sender
from bot.tokens import Tokens
from bot.turn import Server
from bot.upkeep import keep_up
from bot.widget import routes as widget
from preferences.catalogue import load_catalogue
from preferences.errors import AskfirstError, UnavailableError, UnmigratedError
from preferences.policy import load_policy
from preferences.settings import Settings, load_settings
from preferences.store.conversations import read_waiting
from preferences.store.dispatches import read_due
from preferences.store.engine import Store, open_own_store
from preferences.voice import load_voice

logger = logging.getLogger(__name__)

_LARGEST_BODY = 4 * 1024**2
_SWEEP_SECONDS = 20
_AGAIN_SECONDS = 1.0
_FIRST_LOOK_SECONDS = 5.0
_GRACE = timedelta(seconds=1)  # what was said just now is sent by whoever served it


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings, clock: Clock = _now) -> web.Application:
    """Make the gateway. The store must be migrated; the Rasa server may still be away."""
    app = web.Application(middlewares=[problems, origins], client_max_size=_LARGEST_BODY)
    app[SETTINGS] = settings
    app[CLOCK] = clock
    app[CATALOGUE] = load_catalogue()
    app[POLICY] = load_policy()
    app[VOICE] = load_voice(settings.shop_name)
    app[TOKENS] = Tokens(
        settings.session_secret.get_secret_value(), settings.identity_secret.get_secret_value()
    )
    app[CHANNELS] = {name: open_channel(name, settings) for name in settings.channels}
    if META_CHANNELS & {*settings.channels} and (warning := end_of(settings.meta_version)):
        logger.warning(warning)
    app.on_response_prepare.append(allow_origin)
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.append(_parts)
    for part in (website, channels, intake, shopify, woocommerce, api, health, widget, own, poll):
        part.setup(app)
    if settings.demo:
        demo.setup(app, settings)
    return app


async def _parts(app: web.Application) -> AsyncIterator[None]:
    """Open everything that has to be closed again, in the order in which it is needed."""
    settings = app[SETTINGS]
    async with AsyncExitStack() as stack:
        store = app[STORE] = await stack.enter_async_context(open_own_store(settings))
        await _refuse_unmigrated(store)
        redis = connect(settings.redis_url) if settings.redis_url else None
        namespace = namespace_of(settings.database)
        if redis is None:
            app[BUS] = LocalBus()
            app[LIMITER] = LocalLimiter()
        else:
            stack.push_async_callback(redis.aclose)
            app[BUS] = await stack.enter_async_context(open_redis_bus(redis, namespace))
            app[LIMITER] = RedisLimiter(redis, namespace)
        bus = app[BUS]
        assistant = app[ASSISTANT] = await stack.enter_async_context(
            open_assistant(
                settings.rasa_urls,
                settings.turn_secret.get_secret_value(),
                lambda: bus.tell("", "state"),
            )
        )
        http = await stack.enter_async_context(ClientSession())
        sender = Sender(store, app[CHANNELS], http, app[TOKENS], app[VOICE], settings.public_url)
        settle = settings.settle_milliseconds / 1000
        server = Server(store, assistant, bus, app[VOICE], sender, settle)
        queue: Queue
        if redis is None:
            queue = await stack.enter_async_context(open_local_queue(server.serve))
        else:
            shared = open_redis_queue(redis, namespace, server.serve)
            queue = await stack.enter_async_context(shared)
        app[QUEUE] = queue
        await stack.enter_async_context(background(_sweep(store, queue)))
        if app[CHANNELS]:
            await stack.enter_async_context(background(_send_again(store, queue)))
        await stack.enter_async_context(
            background(keep_up(store, settings, app[POLICY], app[CLOCK]))
        )
        yield


async def _refuse_unmigrated(store: Store) -> None:
    """Let nothing begin on a store without tables; one that is away is waited for later.

    :raises UnmigratedError: it has none.
    """
    try:
        async with asyncio.timeout(_FIRST_LOOK_SECONDS):
            await store.ping()
    except UnmigratedError:
        raise
    except (UnavailableError, TimeoutError) as error:
        logger.warning("The gateway starts without its store: %s", error or "no answer yet.")


async def _end_streams(app: web.Application) -> None:
    """Let open streams end by themselves: their pages come back to the next gateway."""
    await app[BUS].tell("", "closing")


async def _sweep(store: Store, queue: Queue) -> None:
    """Take up whoever waits: after a restart, or because a queue lost them."""
    while True:
        with suppress(UnavailableError):
            for shopper in await read_waiting(store):
                await queue.put(shopper)
        await asyncio.sleep(_SWEEP_SECONDS)


async def _send_again(store: Store, queue: Queue) -> None:
    """Take up whoever something is due to be sent to: again, or because a gateway died."""
    while True:
        await asyncio.sleep(_AGAIN_SECONDS)
        with suppress(UnavailableError):
            for shopper in await read_due(store, datetime.now(UTC) - _GRACE):
                await queue.put(shopper)


def main(arguments: Sequence[str]) -> int:
    """Run the gateway until it is told to stop, and give the exit code."""
    try:
        settings = load_settings(**_read(arguments))
        app = create_app(settings)
        logging.basicConfig(
            level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s"
        )
        return _serve(app, settings)
    except AskfirstError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _read(arguments: Sequence[str]) -> dict[str, Any]:
    parser = ArgumentParser(
        prog="python -m bot.gateway",
        description="Run the gateway alone, until Ctrl-C; its store must be there"
        " (`alembic upgrade head`). `python -m bot` runs it with all it needs.",
        epilog="Every other setting is an ASKFIRST_* variable; .env.example names them all.",
        argument_default=SUPPRESS,
    )
    parser.add_argument("--host", help="address to listen on (ASKFIRST_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (ASKFIRST_PORT, 8080)")
    return vars(parser.parse_args(arguments))


def _serve(app: web.Application, settings: Settings) -> int:
    try:
        web.run_app(
            app,
            host=settings.host,
            port=settings.port,
            print=None,
            access_log=None,
            shutdown_timeout=3,
            loop=new_event_loop(),
        )
    except OSError as error:
        sys.stderr.write(
            f"Port {settings.port} on {settings.host} cannot be opened ({error.strerror}); "
            "stop what uses it or take another one by --port or ASKFIRST_PORT.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
