"""Words become an act, the options they may mean, and the terms in them."""

import asyncio
import io
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from rasa.core.channels.channel import UserMessage
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components import encoders
from bot.components.acts import IMPOSSIBLE, Label, Weights, balance, deal
from bot.components.catalogue import CatalogueImporter, read_examples
from bot.components.encoders import MiniLmEncoder, UseEncoder, likeness
from bot.components.entities import TERMS, TermReader
from bot.components.letters import Letters, groups
from bot.components.neighbours import Neighbours
from bot.components.parse import Parser, serve

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def minilm():
    return MiniLmEncoder({"alias": None}, "minilm")


@pytest.fixture(scope="session")
def use():
    return UseEncoder({"alias": None}, "use")


@pytest.fixture(scope="session")
def terms():
    return TermReader.create({}, None, None, ExecutionContext(GraphSchema({})))


def voters(labels, matrix, bias, temperature):
    """Give a classifier whose letters abstain, and that has no neighbours."""
    letters = Letters({}, np.zeros(0, dtype=np.float32))
    nobody = Neighbours(np.zeros((0, 1)), np.zeros(0, dtype=int), np.zeros(0), len(labels))
    none = np.zeros((0, len(labels)), dtype=np.float32)
    return Weights(
        labels,
        np.array(matrix),
        np.array(bias),
        letters,
        none,
        np.array(bias),
        nobody,
        temperature,
    )


def parse(agent, text, locale="en"):
    message = UserMessage(text, metadata={"locale": locale})
    return asyncio.new_event_loop().run_until_complete(agent.processor.parse_message(message))


@pytest.mark.parametrize("name", ["minilm", "use"])
def test_a_vector_has_length_one_and_stays_the_same(name, request):
    encoder = request.getfixturevalue(name)
    one, two = encoder.encode("a gift for my sister"), encoder.encode("a gift for my sister")

    assert np.float32 == one.dtype
    assert np.array_equal(one, two)
    assert pytest.approx(float(np.linalg.norm(one)), abs=1e-5) == 1.0


@pytest.mark.parametrize(("name", "size"), [("minilm", 384), ("use", 512)])
def test_a_vector_says_what_a_sentence_means(name, size, request):
    encode = request.getfixturevalue(name).encode
    gift, present = encode("it was a gift for my sister"), encode("a present for my sister")
    weather = encode("will it rain tomorrow in Berlin?")

    assert (size,) == gift.shape
    assert likeness(gift, present) > 0.6
    assert likeness(gift, weather) < 0.3


def test_one_encoder_reads_other_languages(use):
    encode = use.encode

    assert likeness(encode("Warum fragst du das?"), encode("Why do you ask that?")) > 0.7
    assert likeness(encode("¿Por qué lo preguntas?"), encode("Why do you ask that?")) > 0.7


@pytest.mark.parametrize("encoder", [MiniLmEncoder, UseEncoder])
def test_other_weights_are_refused_at_load(encoder, monkeypatch):
    monkeypatch.setattr(encoder, "golden", tuple(reversed(encoder.golden)))

    with pytest.raises(RasaException, match="other weights"):
        encoder({"alias": None}, "it")


def test_a_missing_package_is_named():
    with pytest.raises(RasaException, match="nosuchpackage is missing"):
        encoders.package_file("nosuchpackage", "model.onnx")


@pytest.mark.parametrize("name", ["minilm", "use"])
def test_training_encodes_as_conversation_does(name, request):
    encoder = request.getfixturevalue(name)
    texts = ["hi", "it was a gift", "hi", "why do you ask?"]
    data = TrainingData([Message({"text": text}) for text in texts] + [Message({"intent": "x"})])
    encoder.process_training_data(data)

    spoken = [example for example in data.training_examples if example.get("text")]
    assert {"hi", "it was a gift", "why do you ask?"} == {e.get("text") for e in spoken}
    for example in spoken:
        _, found = example.get_dense_features("text")
        alone = encoder.encode(example.get("text").lower())
        assert np.allclose(alone, found.features[0], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("hello", "greet"),
        ("why are you asking me that", "ask_why"),
        ("please stop writing", "stop"),
        ("no, thank you", "deny"),
        ("warum willst du das wissen?", "ask_why"),
        ("forget everything about me", "erase_data"),
        ("a gift for my brother", "answer"),
        ("ein Geschenk für meinen Bruder", "answer"),
    ],
)
def test_finds_the_act(agent, text, act):
    assert act == parse(agent, text)["intent"]["name"]


def test_an_answer_names_question_and_option(agent):
    ranking = parse(agent, "I bought it for myself")["intent_ranking"]

    assert tuple(ranking[0][key] for key in ("name", "question", "value")) == (
        "answer",
        "gift_or_self",
        "self",
    )
    assert len(ranking) <= 24
    assert ranking == sorted(ranking, key=lambda entry: -entry["confidence"])
    assert all(("question" in entry) == (entry["name"] == "answer") for entry in ranking)


def test_the_value_of_an_option_keeps_its_type(agent):
    assert parse(agent, "an sms is fine")["intent_ranking"][0]["value"] == 2


def test_confidence_in_an_act_is_the_sum_of_its_labels(agent):
    parsed = parse(agent, "a gift for me")
    answers = [e["confidence"] for e in parsed["intent_ranking"] if e["name"] == "answer"]

    assert parsed["intent"]["name"] == "answer"
    assert sum(answers) == pytest.approx(parsed["intent"]["confidence"], abs=0.02)
    assert parsed["intent"]["confidence"] <= 1


def test_a_model_is_read_without_a_server_as_it_is_with_one(agent, model):
    parser = Parser(Path(model))
    lines = io.StringIO(
        '{"text": "/for my sister", "locale": "en"}\n{"text": "/", "locale": "de"}\n'
    )
    out = io.StringIO()
    serve(parser, lines, out)
    parser.close()
    ready, read, empty = [json.loads(line) for line in out.getvalue().splitlines()]
    served = parse(agent, "for my sister")

    assert ready == {"ready": True}
    assert served["intent_ranking"] == read["intent_ranking"]
    assert served["entities"] == read["entities"]
    assert empty["intent_ranking"] == []


def test_a_parse_is_plain_json(agent):
    assert json.dumps(parse(agent, "for my sister"))


def test_the_strange_is_less_sure_than_the_known(agent):
    known = parse(agent, "why do you want to know")["intent"]
    strange = parse(agent, "the mitochondria is the powerhouse of the cell")["intent"]

    assert known["confidence"] > 0.9 > strange["confidence"]
    assert strange["name"] == "out_of_scope"


def test_acts_and_questions_weigh_the_same_and_options_share():
    labels = (Label("greet"), Label("answer", "q", "a"), Label("answer", "q", "b"), Label("stop"))
    targets = np.array([0, 0, 0, 1, 2, 2, 3])
    weights = balance(targets, labels)

    def weight(*wanted):
        return sum(weights[np.isin(targets, wanted)])

    assert weight(0) == pytest.approx(weight(3)) == pytest.approx(weight(1, 2))
    assert weight(1) == pytest.approx(weight(2))
    assert len(targets) == pytest.approx(sum(weights))


def test_every_label_is_dealt_over_the_folds():
    targets = np.array([0] * 7 + [1] * 3 + [2])
    folds = deal(targets, 3)

    assert {0, 1, 2} == set(folds[:7]) == set(folds[7:10])


def test_a_higher_temperature_is_less_sure():
    labels = (Label("a"), Label("b"))

    def sure(temperature):
        weights = voters(labels, [[2.0], [-2.0]], [0.0, 0.0], temperature)
        return weights.confidences(np.array([1.0]), "yes")[0]

    assert sure(0.5) > sure(1) > sure(4) > 0.5


def test_a_label_never_seen_in_training_has_no_chance():
    weights = voters((Label("a"), Label("b")), [[0.0], [0.0]], [0.0, IMPOSSIBLE], 1.0)

    assert weights.confidences(np.array([1.0]), "yes").tolist() == pytest.approx(
        [1.0, 0.0], abs=1e-6
    )


def test_the_letters_of_a_word_outlive_a_typo():
    letters = Letters.of(
        ["unsubscribe me", "unsubscribe", "please unsubscribe", "a present for me"]
    )

    def likeness_of(one, other):
        return float((letters.rows([one]) @ letters.rows([other]).T).toarray()[0, 0])

    assert likeness_of("unsubscribe", "unsubscibe") > 0.3 > likeness_of("unsubscribe", "present")
    assert float(np.linalg.norm(letters.row("unsubscribe")[1])) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("text", ["", "🙂", "zzqzzq", "你好"])
def test_letters_never_seen_say_nothing(text):
    places, values = Letters.of(["stop", "stop it", "stop that"]).row(text)

    assert len(places) == len(values)
    assert not np.isnan(values).any()


def test_the_nearest_examples_vote_and_the_nearer_the_more():
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    known = Neighbours.of(vectors, np.array([0, 1, 2]), np.ones(3), 4)

    chances = np.exp(known.votes(np.array([1.0, 0.0])))

    assert chances.sum() == pytest.approx(1.0)
    assert chances[0] > chances[1] > chances[2] > chances[3] > 0


def test_only_a_few_neighbours_are_asked():
    crowd = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]])
    known = Neighbours.of(crowd, np.array([0, 0, 0, 0, 0, 1]), np.ones(6), 3)

    chances = np.exp(known.votes(np.array([1.0, 0.0])))

    assert chances[1] == pytest.approx(chances[2])


def test_neighbours_that_are_far_tell_nothing():
    known = Neighbours.of(np.eye(2), np.array([0, 1]), np.ones(2), 3)

    def surest(cosine):
        return np.exp(known.votes(np.array([cosine, 0.0]))).max()

    assert surest(0.3) == pytest.approx(1 / 3)
    assert 1 / 3 < surest(0.45) < surest(0.55) < surest(0.7)


def test_an_example_that_weighs_more_has_more_of_a_vote():
    known = Neighbours.of(np.ones((2, 2)), np.array([0, 1]), np.array([1.0, 3.0]), 2)

    assert np.argmax(known.votes(np.ones(2))) == 1


def test_groups_of_letters_know_the_edges_of_a_word():
    assert {" s", "st", "to", "op", "p ", " sto", "top ", "stop "} <= set(groups("STÖP"))
    assert "p t" not in set(groups("stop tot"))


@pytest.mark.parametrize(
    ("text", "locale", "found"),
    [
        ("it's for my Sister's birthday", "en", [("relation", "sister"), ("occasion", "birthday")]),
        ("my sisters bday", "en", [("relation", "sister"), ("occasion", "birthday")]),
        ("for my mother-in-law", "en", [("relation", "mother_in_law")]),
        ("a baby shower next week", "en", [("occasion", "baby_shower"), ("time", "next_week")]),
        ("for our dog", "en", [("relation", "dog"), ("species", "dog")]),
        (
            "our tortoise wakes up in the evening",
            "en",
            [("species", "reptile"), ("time", "evening")],
        ),
        ("für meine sister", "de", [("relation", "sister")]),
        ("for meine Schwester", "en", [("relation", "sister")]),
        (
            "pasado mañana, für den Papagei",
            "de",
            [("time", "day_after_tomorrow"), ("species", "bird")],
        ),
        ("kind of for a friend", "en", [("relation", "friend")]),
        ("son para mis amigos", "es", [("relation", "friend")]),
        ("am Samstag passt es", "de", [("time", "saturday")]),
        ("mother's day present", "en", [("occasion", "mothers_day")]),
        ("for me", "en", []),
        ("I reason with seasons and momentum", "en", []),
        ("un regalo para mi mamá", "es", [("relation", "mother")]),
        ("para mi mama por navidad", "es", [("relation", "mother"), ("occasion", "christmas")]),
        ("son para mi tía", "es", [("relation", "aunt")]),
        (
            "zum Geburtstag meiner Oma",
            "de",
            [("occasion", "birthday"), ("relation", "grandmother")],
        ),
        ("für meinen Mann", "de-AT", [("relation", "husband")]),
        ("man kann nie wissen", "de", []),
        ("for my dad", "fr", [("relation", "father")]),
        ("for my dad", None, [("relation", "father")]),
    ],
)
def test_finds_terms_in_the_shopper_s_language(terms, text, locale, found):
    message = Message({"text": text, "metadata": {"locale": locale}})
    entities = terms.process([message])[0].get("entities")

    assert found == [(entity["entity"], entity["value"]) for entity in entities]
    for entity in entities:
        assert text[entity["start"] : entity["end"]].strip()


def test_every_term_is_known_in_every_language():
    kinds = yaml.safe_load(TERMS.read_text(encoding="utf-8"))
    missing = [
        (kind, value, locale)
        for kind, values in kinds.items()
        for value, phrases in values.items()
        for locale in ("en", "es", "de")
        if not phrases.get(locale)
    ]

    assert missing == []
    assert set(kinds) <= set(yaml.safe_load((ROOT / "domain.yml").read_text())["entities"])


def test_no_phrase_means_two_things_of_a_kind():
    kinds = yaml.safe_load(TERMS.read_text(encoding="utf-8"))
    seen = {}
    for values in kinds.values():
        seen.clear()
        for value, phrases in values.items():
            for locale, words in phrases.items():
                for word in words:
                    assert isinstance(word, str), (value, word)
                    assert seen.setdefault((locale, word.lower()), value) == value, word


def test_the_catalogue_s_wordings_are_examples(project):
    data = TrainingDataImporter.load_from_config(
        str(project / "config.yml"), str(project / "domain.yml"), [str(project / "data")]
    ).get_nlu_data()
    answers = {
        e.get("text"): e.get("metadata")["example"]
        for e in data.intent_examples
        if e.get("intent") == "answer"
    }

    about = {"question": "gift_or_self", "value": "gift"}
    assert {**about, "locale": "de"} == answers["Ein Geschenk"]
    assert {**about, "locale": "en"} == answers["present"]
    assert {**about, "locale": "es"} == answers["es para mi madre"]
    assert "greet" in {e.get("intent") for e in data.intent_examples}


def test_the_same_wording_is_one_example():
    option = {"value": 1, "label": {"en": "Yes"}, "examples": {"en": ["Yes", "yes ", "Yes"]}}
    found = list(read_examples({"id": "q", "options": [option]}, "q.yml"))

    assert [example.get("text") for example in found] == ["Yes", "yes"]


@pytest.mark.parametrize("question", [None, [], {"id": "q"}, {"id": "q", "options": [{}]}])
def test_a_broken_question_is_named(question):
    with pytest.raises(RasaException, match=r"broken\.yml"):
        list(read_examples(question, "broken.yml"))


def test_a_missing_catalogue_is_named(tmp_path):
    with pytest.raises(RasaException, match="no question catalogue"):
        CatalogueImporter(str(tmp_path / "config.yml")).get_nlu_data()


def test_the_project_s_own_catalogue_and_examples_are_read():
    importer = TrainingDataImporter.load_from_config(
        str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")]
    )
    acts = {example.get("intent") for example in importer.get_nlu_data().intent_examples}
    known = set(yaml.safe_load((ROOT / "domain.yml").read_text())["intents"])

    assert known - {"press", "event"} == acts - {None}


def test_every_act_has_a_rule():
    rules = yaml.safe_load((ROOT / "data" / "rules" / "turn.yml").read_text())["rules"]
    ruled = [step["intent"] for step in rules[0]["steps"][0]["or"]]

    assert yaml.safe_load((ROOT / "domain.yml").read_text())["intents"] == ruled
