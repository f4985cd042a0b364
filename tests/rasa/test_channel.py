"""The channel tells the gateway the truth: done, or try again."""

import asyncio
import logging

import pytest

from bot.components.turns import MalformedTurnError, read_turn, spoken

COMMANDS = (
    "/restart",
    "/session_start",
    " /stop",
    "//stop",
    "/ /restart",
    "\t/greet",
    "\n/back",
    "\u200b/restart",
    "\ufeff/restart",
    "\u00a0/stop@0.9",
    "\x00/restart",
    '/answer{"relation":"mother"}',
    "/event",
    "\u2066/press",
)


def test_answers_with_the_replies_that_were_committed(server):
    status, answer = server.say("it was a present for my dad", "ok1", "m-7", shopper="s1")

    assert (status, answer) == (200, {"message_id": "m-7", "replies": [{"seq": 1}]})
    assert server.latest()["message_id"] == "m-7"
    assert server.latest()["metadata"] == {"shopper": "s1", "locale": "en"}


def test_is_healthy_once_the_model_is_loaded(server):
    loaded = server.app.ctx.agent
    server.app.ctx.agent = None
    loading = server.call("GET", "health")
    server.app.ctx.agent = loaded

    assert loading == (503, {"status": "loading"})
    assert server.call("GET", "health") == (200, {"status": "ok"})


@pytest.mark.parametrize("secret", ["", "wrong", "turn-secre", "turn-secret-", "türn"])
def test_refuses_a_wrong_secret(server, secret):
    turn = {"sender": "c", "message_id": "m", "kind": "text", "text": "hi"}
    header = {"Authorization": f"Bearer {secret}".encode()}

    assert server.call("POST", "turn", turn, header)[0] == 401
    assert server.call("POST", "turn", turn)[0] == 401
    assert server.actions.calls == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sender": ""}, "sender"),
        ({"sender": 7}, "sender"),
        ({"message_id": None}, "message_id"),
        ({"message_id": "m" * 256}, "message_id"),
        ({"kind": "shout"}, "kind"),
        ({"kind": ["text"]}, "kind"),
        ({"text": ""}, "text"),
        ({"text": None}, "text"),
        ({"text": "x" * 1001}, "text"),
        ({"metadata": []}, "metadata"),
        ({"kind": "event"}, "metadata.event"),
        ({"kind": "press"}, "metadata.press"),
        ({"kind": "press", "metadata": {"press": {"ask": "a", "option": -1}}}, "option"),
        ({"kind": "press", "metadata": {"press": {"ask": "a", "option": True}}}, "option"),
    ],
)
def test_names_the_field_that_is_malformed(server, change, field):
    good = {"sender": "c", "message_id": "m", "kind": "text", "text": "hi", "metadata": {}}

    status, answer = server.turn({**good, **change})

    assert status == 422
    assert field in answer["error"]
    assert server.actions.calls == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"null"])
def test_refuses_what_is_no_object(server, body):
    assert server.turn(body)[0] == 422


@pytest.mark.parametrize("mood", ["broken", "nonsense", "silent", "confused"])
def test_asks_to_try_again_unless_this_very_message_was_committed(server, mood):
    server.actions.mood = mood

    status, answer = server.say("hello there", f"again-{mood}")

    assert status == 503
    assert "try again" in answer["error"]


def test_asks_to_try_again_while_no_action_server_answers(server):
    endpoint = server.app.ctx.agent.action_endpoint
    address, endpoint.url = endpoint.url, "http://127.0.0.1:9/webhook"
    down = server.say("hello there", "down")
    endpoint.url = address

    assert down[0] == 503
    assert server.say("hello there", "down")[0] == 200


def test_a_failed_turn_leaves_nothing_behind(server):
    server.say("hello there", "clean", "m1")
    before = server.events("clean")
    server.actions.mood = "broken"
    failed = server.say("stop writing to me", "clean", "m2")
    server.actions.mood = "well"

    assert failed[0] == 503
    assert before == server.events("clean")
    assert server.say("stop writing to me", "clean", "m2")[0] == 200
    heard = [event["message_id"] for event in server.events("clean") if event["event"] == "user"]
    assert heard == ["m1", "m2"]


def test_a_repeated_message_gets_the_same_replies(server):
    first = server.say("hello there", "twice", "same")
    second = server.say("hello there", "twice", "same")

    assert first == second
    assert len(server.actions.calls) == 2


@pytest.mark.parametrize("text", COMMANDS)
def test_words_are_never_a_command(server, text):
    status, _ = server.say(text, "commands")

    assert status == 200
    assert server.actions.calls[-1]["next_action"] == "action_turn"
    assert server.latest()["intent"]["confidence"] < 1 or server.latest()["text"] == ""
    assert server.latest()["intent"]["name"] not in {"restart", "session_start", "back", "press"}
    assert not server.latest()["text"].startswith("/")
    assert server.latest()["entities"] == []


def test_words_are_no_command_even_past_the_channel(agent):
    parsed = _parse(agent, "/restart")

    assert parsed["intent"]["name"] != "restart"
    assert len(parsed["intent_ranking"]) > 1


@pytest.mark.parametrize("text", ["/", " // ", "\u200b", "   ", "\x00\x01"])
def test_nothing_but_a_lead_is_out_of_scope(server, text):
    assert server.say(text, "nothing")[0] == 200
    assert server.latest()["intent"] == {"name": "out_of_scope", "confidence": 1.0}


@pytest.mark.parametrize(
    "text",
    [
        "🎁🎁",
        "<script>alert(1)</script>",
        "a" * 1000,
        "مرحبا",
        "\ud800 half",
        "é́́",
        "?",
        "{{x}}",
        "0",
    ],
)
def test_survives_any_words(server, text):
    assert server.say(text, "odd")[0] == 200
    assert server.latest()["intent"]["name"]


@pytest.mark.parametrize(
    ("kind", "metadata"),
    [("press", {"press": {"ask": "a1", "option": 0}}), ("event", {"event": "opened"})],
)
def test_what_has_no_words_is_not_parsed(server, kind, metadata):
    turn = {"sender": "wordless", "message_id": "m", "kind": kind, "metadata": metadata}

    assert server.turn(turn)[0] == 200
    assert {"name": kind, "confidence": 1.0} == server.latest()["intent"]
    assert metadata == server.latest()["metadata"]
    assert server.latest()["text"] == ""


def test_logs_say_nothing_that_a_shopper_said(server, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    for mood in ("well", "broken", "silent", "nonsense"):
        server.actions.mood = mood
        server.say("my secret is xyzzy, for my sister", "quiet", mood, shopper="plugh")

    told = caplog.text + "".join(capfd.readouterr())

    assert "did not say that it committed" in told
    assert "answered 500" in told
    assert "xyzzy" not in told
    assert "plugh" not in told


def test_sends_the_action_server_little(server):
    for number in range(12):
        server.say("it was a present for my dad", "little", f"m{number}")
    call = server.actions.calls[-1]

    assert call["domain"] == {}
    assert len(call["tracker"]["events"]) <= 4
    assert "little" == call["sender_id"] == call["tracker"]["sender_id"]
    assert [e["event"] for e in call["tracker"]["events"] if e["event"] == "user"] == ["user"]
    assert not any("parse_data" in event for event in call["tracker"]["events"])


def test_a_turn_may_come_without_metadata():
    assert read_turn({"sender": "c", "message_id": "m", "kind": "text", "text": "x"}).metadata == {}


def test_keeps_slashes_inside_the_words():
    assert spoken("  50/50, and/or ") == "50/50, and/or"


def test_names_the_body_when_it_is_no_object():
    with pytest.raises(MalformedTurnError, match="The body"):
        read_turn(["text"])


def _parse(agent, text):
    return asyncio.new_event_loop().run_until_complete(agent.parse_message(text))
