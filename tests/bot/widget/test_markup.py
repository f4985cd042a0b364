"""Whatever anybody writes, in any place where it is shown, stays text."""

import pytest
from playwright.async_api import expect

from tests.bot.widget import fake_gateway
from tests.bot.widget.driving import Shopper
from tests.bot.widget.fake_gateway import question, say

pytestmark = pytest.mark.asyncio(loop_scope="session")

RUN = "window.pwned=1"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    f"<iframe src=javascript:{RUN}>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>x</details>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<template><img src=x onerror={RUN}></template>",
    f"<a href='javascript:{RUN}'>x</a>",
    f"javascript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"' onmouseover='{RUN}' x='",
    f'" autofocus onfocus="{RUN}" x="',
    f"</p></div><img src=x onerror={RUN}>",
    f"--><img src=x onerror={RUN}>",
    f"]]><img src=x onerror={RUN}>",
    f"\u003cimg src=x onerror={RUN}\u003e",
    f"&lt;img src=x onerror={RUN}&gt;",
    f"&#60;img src=x onerror={RUN}&#62;",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"${{{RUN}}}",
    f"<style>@import 'javascript:{RUN}'</style>",
    f"<link rel=stylesheet href='data:text/css,*{{}}' onload={RUN}>",
    f"<form action=javascript:{RUN}><button>x</button></form>",
    f"<object data=javascript:{RUN}>",
    f"<video><source onerror={RUN}></video>",
    "<meta http-equiv=refresh content='0;url=https://example.com'>",
    "<base href=https://example.com/>",
    "\u202egnp.exe",
    "\x00<b>\x00</b>",
]
FOREIGN = "script, img, iframe, a, style, link, object, video, form form, math, template, b, base"


async def test_nothing_that_is_said_becomes_markup(page, shop, gateway):
    gateway.script = lambda _act: [say(payload) for payload in PAYLOADS]
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.bubbles).to_have_count(len(PAYLOADS))

    assert await shopper.bubbles.evaluate_all("all => all.map(one => one.textContent)") == PAYLOADS
    await untouched(shopper)


async def test_no_label_no_name_and_no_language_becomes_markup(page, shop, gateway, monkeypatch):
    payload = PAYLOADS[1]
    monkeypatch.setattr(fake_gateway, "ASSISTANT", payload)
    gateway.script = lambda _act: [question(payload, PAYLOADS, lang='"><img src=x onerror=x>')]
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await expect(shopper.choices).to_have_count(len(PAYLOADS))
    heading = page.locator("askfirst-chat h2")

    assert await heading.text_content() == payload
    assert await shopper.choices.evaluate_all("all => all.map(o => o.textContent)") == PAYLOADS
    await untouched(shopper)


async def test_neither_the_shoppers_words_nor_a_refusal_become_markup(page, shop, gateway):
    gateway.refuse["x"] = PAYLOADS[1]
    gateway.script = lambda _act: [say("hello")]
    shopper = Shopper(page)
    await page.goto(shop)
    await shopper.open()
    await shopper.reads("hello")
    await shopper.write("x")
    await expect(page.get_by_role("alert")).to_have_text(f"Not sent: {PAYLOADS[1]}")
    await shopper.write(PAYLOADS[0])

    await shopper.reads("hello", "x", PAYLOADS[0], "hello")
    await untouched(shopper)


async def untouched(shopper: Shopper) -> None:
    await shopper.page.wait_for_timeout(100)
    assert await shopper.page.evaluate("window.pwned") is None
    await expect(shopper.page.locator("askfirst-chat").locator(FOREIGN)).to_have_count(0)
    styled = shopper.page.locator("askfirst-chat").locator("[style], [onerror], [onload]")
    await expect(styled).to_have_count(0)
