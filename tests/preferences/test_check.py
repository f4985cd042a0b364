"""Every rule of the check, shown by a text that breaks it."""

import json
import sys
from copy import deepcopy
from pathlib import Path
from runpy import run_path
from shutil import copytree
from typing import Any

import pytest

from preferences.__main__ import main, schema
from preferences.catalogue import HERE, read_yaml
from preferences.check.pages import Finding, Page
from preferences.check.run import check
from preferences.check.sentences import Sentence, check_sentence
from preferences.texts import LOCALES

A_QUESTION = read_yaml(HERE / "questions" / "gift_or_self.yml")
A_PICK = read_yaml(HERE / "questions" / "matters_most.yml")
A_CHANNEL = read_yaml(HERE / "questions" / "channel_preference.yml")
A_CONFIRM = read_yaml(HERE / "questions" / "team_orders.yml")
REFUSALS = ("declined", "skipped", "dont_know", "no_preference", "not_relevant", "already_sorted")
POLITE = {
    "en": {"title": "{shop} assistant (automated)", "hello": "I am automated.", "bye": "Bye."},
    "es": {"title": "Asistente (automático)", "hello": "Soy automático.", "bye": "Adiós."},
    "de": {"title": "Assistent (automatisch)", "hello": "Ich bin automatisch.", "bye": "Tschüss."},
}
THANKS = {"en": "Thank you, fine.", "es": "Gracias, bien.", "de": "Danke, gut."}


def talk(locale: str) -> dict[str, Any]:
    """A wording page with nothing to mend."""
    kind = dict.fromkeys((*REFUSALS, "consent_given", "consent_refused"), THANKS[locale])
    return POLITE[locale] | kind | {"decline_label": "No", "erase_yes": "1", "erase_no": "2"}


def shop(folder: Path, question: Any = A_QUESTION, **pages: Any) -> Path:
    """The texts of a shop with one question; `purposes`, `en`, `es` or `de` take other pages."""
    (folder / "questions").mkdir()
    (folder / "wording").mkdir()
    name = f"{question.get('id', 'nameless')}.yml"
    write(folder / "questions" / name, question)
    write(folder / "purposes.yml", pages.get("purposes", read_yaml(HERE / "purposes.yml")))
    for locale in LOCALES:
        write(folder / "wording" / f"{locale}.yml", pages.get(locale, talk(locale)))
    return folder


def write(file: Path, page: Any) -> None:
    file.write_text(json.dumps(page, ensure_ascii=False, indent=1))  # which is YAML too, quickly


def changed(page: Any, *place: str | int, to: Any) -> Any:
    """The page with one thing in it that is wrong."""
    page = deepcopy(page)
    inner: Any = page
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = to
    return page


def without(page: Any, *place: str | int) -> Any:
    page = deepcopy(page)
    inner: Any = page
    for step in place[:-1]:
        inner = inner[step]
    del inner[place[-1]]
    return page


def asking(en: str = "", es: str = "", de: str = "") -> Any:
    """The question put in other words, in one language."""
    said = {locale: text for locale, text in (("en", en), ("es", es), ("de", de)) if text}
    return A_QUESTION | {"wording": A_QUESTION["wording"] | said}


def found(folder: Path) -> str:
    return "\n".join(str(finding) for finding in check(folder))


@pytest.mark.parametrize("question", [A_QUESTION, A_PICK, A_CHANNEL, A_CONFIRM])
def test_nothing_is_said_of_a_question_that_is_well_made(tmp_path: Path, question: Any) -> None:
    assert check(shop(tmp_path, question)) == []


def test_nothing_is_said_of_what_comes_with_it() -> None:
    assert found(HERE) == ""


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (asking(en="You normally buy shirts. A gift?"), "wording.en assumes something"),
        (asking(en="We noticed that you bought a dress. A gift?"), "(“We noticed”)"),
        (asking(es="¿Normalmente es un regalo?"), "wording.es assumes something"),
        (asking(de="Überraschend! Ein Geschenk?"), "wording.de assumes something"),
        (asking(en="We know that you like red. A gift?"), "claims to know the shopper"),
        (asking(de="Wir wissen, was du magst. Ein Geschenk?"), "claims to know the shopper"),
        (asking(en="Just one quick thing: a gift?"), "wording.en presses the shopper"),
        (asking(en="Please answer: is it a gift?"), "wording.en presses the shopper"),
        (asking(es="Date prisa: ¿es un regalo?"), "wording.es presses the shopper"),
        (asking(en="Be honest: is it a gift?"), "speaks of honesty"),
        (asking(en="Other customers told us. Is it a gift?"), "what others do"),
        (asking(en="10 % off for you: is it a gift? Buy now."), "wording.en sells in a question"),
        (asking(de="Mit Rabatt: Ist es ein Geschenk?"), "wording.de sells in a question"),
        (asking(es="Con descuento: ¿es un regalo?"), "wording.es sells in a question"),
        (asking(en="At that price, is it a gift?"), "wording.en sells in a question (“price”)"),
        (asking(es="A ese precio, ¿es un regalo?"), "wording.es sells in a question (“precio”)"),
        (
            asking(de="Zu dem Preis: Ist es ein Geschenk?"),
            "wording.de sells in a question (“Preis”)",
        ),
        (asking(en="For $9.90: is it a gift?"), "wording.en names a price in a question (“$9”)"),
        (asking(es="Por 10 euros, ¿es un regalo?"), "wording.es names a price in a question"),
        (asking(de="Für 9,90 €: Ist es ein Geschenk?"), "wording.de names a price in a question"),
        (asking(de="Für EUR 9: Ist es ein Geschenk?"), "wording.de names a price in a question"),
        (asking(en="With 20% more in it, a gift?"), "wording.en names a price in a question"),
        (asking(en="Has somebody died?"), "asks about death"),
        (asking(es="¿Estás divorciada?"), "asks about death, illness or a parting"),
        (asking(de="Hast du eine Allergie?"), "asks about health"),
        (asking(en="Do you have an illness?"), "asks about health"),
        (asking(en="Are you pregnant?"), "asks about birth or age"),
        (asking(en="How old are you?"), "asks about birth or age"),
        (asking(es="¿Cuántos años tienes?"), "asks about birth or age"),
        (asking(en="Are you a man or a woman?"), "asks about gender"),
        (asking(de="Welches Geschlecht hast du?"), "asks about gender"),
        (asking(en="Where are you from?"), "asks about origin, faith or politics"),
        (asking(de="Woran liegt dein Glaube?"), "asks about origin, faith or politics"),
        (asking(es="¿Cuál es tu religión?"), "asks about origin, faith or politics"),
    ],
)
def test_words_that_hurt_are_found_in_every_language(
    tmp_path: Path, question: Any, complaint: str
) -> None:
    assert complaint in found(shop(tmp_path, question))


@pytest.mark.parametrize("file", sorted((HERE / "questions").glob("*.yml")), ids=lambda f: f.stem)
def test_what_comes_with_it_tells_in_each_reason_what_it_helps_the_shopper_with(
    tmp_path: Path, file: Path
) -> None:
    question = read_yaml(file)
    why_alone = {locale: text.partition(". ")[0] for locale, text in question["reason"].items()}

    complaints = found(shop(tmp_path, question | {"reason": why_alone}))

    for locale in LOCALES:
        assert f"reason.{locale} does not say how it helps" in complaints
        assert f"reason.{locale} does not say what happens without an answer" in complaints


def test_a_button_may_not_name_what_is_not_asked_either(tmp_path: Path) -> None:
    question = changed(A_QUESTION, "options", 2, "label", "en", to="My faith")

    assert "options.2.label.en asks about origin, faith" in found(shop(tmp_path, question))


def test_an_answer_may_name_a_price_where_a_question_may_not(tmp_path: Path) -> None:
    question = changed(A_QUESTION, "options", 2, "label", "en", to="The price")

    assert found(shop(tmp_path, question)) == ""


@pytest.mark.parametrize(
    ("place", "text", "complaint"),
    [
        (("wording", "en"), "Is {product} a gift?", "has no words for when {product} is missing"),
        (("wording", "en"), "Is {product|} a gift?", "has no words for when {product} is missing"),
        (("wording", "en"), "{name|You}, is it a gift?", "puts a name into a text ({name})"),
        (("wording", "en"), "Is the {colour|red} one a gift?", "not known here ({colour})"),
        (("wording", "en"), "Is {product|it a gift?", "has a gap that nothing fills"),
        (("wording", "en"), "Hello %%FIRST NAME%%, a gift?", "has a gap that nothing fills"),
        (("wording", "en"), "Hello [FIRST NAME], a gift?", "has a gap that nothing fills"),
        (("wording", "en"), "Is it a gift?", "wording wants other facts than elsewhere"),
        (("use", "en"), "We keep {answer|it}.", "not known here ({answer})"),
        (("wording", "en"), "A gift? Or for you?", "wording asks 2 questions"),
        (("wording", "en"), "Tell me about {product|it}.", "wording asks 0 questions"),
        (("unclear", "de"), "Ach? Ist es ein Geschenk?", "unclear asks 2 questions"),
        (("options", 0, "reply", "en"), "Thank you, for whom is it?", "asks a question"),
        (("options", 1, "give", "es"), "¿Quieres un consejo de los de siempre?", "asks a question"),
        (("wording", "en"), f"Is {'very ' * 50}{{product|it}}?", "wording has 2"),
        (("use", "en"), A_QUESTION["reason"]["en"], "use and reason are the same"),
        (("reason", "en"), "I ask for a reason. If not, fine.", "en does not say how it helps"),
        (("reason", "es"), "Lo pregunto yo. Si no, vale.", "reason.es does not say how it helps"),
        (("reason", "de"), "Ich frage. Sonst bleibt es.", "reason.de does not say how it helps"),
        (("reason", "en"), "I ask. You choose.", "en does not say what happens without an answer"),
        (("reason", "es"), "Pregunto. Te sirve.", "es does not say what happens without"),
        (("reason", "de"), "Ich frage. Es hilft dir.", "de does not say what happens without"),
        (("wording", "en"), "Is “{product|it}” a gift?", "en does not begin with what it is for"),
        (
            ("wording", "es"),
            "¿Es “{product|eso}” un regalo?",
            "es does not begin with what it is for",
        ),
        (("wording", "de"), "Ist „{product|das}“ eins?", "de does not begin with what it is for"),
        (("wording", "en"), "To whom does “{product|it}” go?", "en does not begin with what it"),
        (("rotate",), False, "is delicate and its options do not rotate"),
        (("id",), "gifts", "Name the file gifts.yml"),
        (("purpose",), "world_domination", "the purpose world_domination is not known"),
        (("options", 0, "label", "de"), "Ein Geschenk für jemand", "has 23 characters"),
        (("options", 0, "label", "en"), "For me!", "label “For me” stands twice"),
        (("options", 0, "reply", "en"), "Noted: a gift.", "reply.en does not begin with thanks"),
        (("options", 0, "reply", "en"), "Thank you.", "characters where another has 10"),
        (("options", 0, "reply", "es"), "Gracias, ¡qué bien! Lo dejo fuera.", "is louder"),
        (("options", 0, "give", "de"), "Ein Tipp: " + "sehr " * 60, "characters where another"),
        (("options", 0, "give", "de"), "Ein kleiner Tipp für dich und sie 🎁.", "is louder"),
        (("options", 0, "examples", "en"), ["a gift"], "gift has too few examples in en"),
        (("options", 0, "examples"), {}, "gift has too few examples in de"),
        (("options", 0, "examples", "en", 0), "For me!", "“For me” is an example of gift too"),
        (("options", 0, "synonyms"), {"fr": ["cadeau"]}, "fr is no language"),
        (("options", 0, "examples", "fr"), ["un cadeau"], "fr is no language"),
        (("crm",), {"attribute": "a", "values": {"present": "x"}}, "present is no option"),
    ],
)
def test_what_is_wrong_in_a_question_is_found(
    tmp_path: Path, place: tuple[str | int, ...], text: Any, complaint: str
) -> None:
    file = shop(tmp_path, A_QUESTION)
    write(file / "questions" / "gift_or_self.yml", changed(A_QUESTION, *place, to=text))

    assert complaint in found(file)


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (without(A_QUESTION, "reason"), "1: reason: Field required. Add it"),
        (without(A_QUESTION, "use"), "use: Field required. Add it"),
        (without(A_QUESTION, "options", 0, "give"), "options.0.give: Field required. Add it"),
        (without(A_QUESTION, "wording", "es"), "wording: has no words in es. Complete it"),
        (A_QUESTION | {"mood": "merry"}, "mood: Extra inputs are not permitted. Remove it"),
        (A_QUESTION | {"depth": 7}, "as question.schema.json tells"),
        (
            changed(A_CONFIRM, "options", 0, "value", to=True),
            "value: Input should be a valid string",
        ),
        (changed(A_CONFIRM, "options", 0, "value", to=True), "Put it in quotes: YAML takes yes"),
        (A_QUESTION | {"options": []}, "options: one_choice needs at least 2"),
        (without(A_PICK, "reply"), "reply: pick_two needs it"),
        (without(A_QUESTION, "give"), "give: Field required. Add it"),
        (A_PICK | {"crm": {"attribute": "a", "values": {"A B": "x"}}}, "crm.values.A B.[key]"),
    ],
)
def test_a_question_that_lacks_something_is_told_what_to_do(
    tmp_path: Path, question: Any, complaint: str
) -> None:
    assert complaint in found(shop(tmp_path, question))


def test_more_options_than_a_list_can_show_are_too_many(tmp_path: Path) -> None:
    more = deepcopy(A_CHANNEL)
    more["options"] += [
        changed(more["options"][0], "value", to=f"way_{number}") for number in range(2)
    ]

    assert "offers 10 options" in found(shop(tmp_path, more))


def test_a_row_of_a_list_may_be_longer_than_a_button(tmp_path: Path) -> None:
    question = changed(A_CHANNEL, "options", 0, "label", "en", to="By electronic mail only")
    too_long = changed(A_CHANNEL, "options", 0, "label", "en", to="By electronic mail, please")

    assert found(shop(tmp_path, question)) == ""
    write(tmp_path / "questions" / "channel_preference.yml", too_long)
    assert "has 26 characters. Say it in 24 at most" in found(tmp_path)


def test_the_reply_to_several_answers_thanks_like_the_others(tmp_path: Path) -> None:
    question = changed(A_CHANNEL, "unwanted", "en", to="Noted: not {answer|that}.")

    assert "unwanted.en does not begin with thanks" in found(shop(tmp_path, question))


@pytest.mark.parametrize(
    ("place", "text", "complaint"),
    [
        (("wording", "en"), f"Just write stop. {'May I? ' * 50}", "the notice has 367 characters"),
        (("wording", "en"), "May I keep this?", "does not say how permission ends"),
        (("wording", "en"), "We know you. May I, until “stop”?", "claims to know the shopper"),
        (("wording", "en"), "May I, {product|dear}, until “stop”?", "not known here ({product})"),
        (
            ("agree", "de"),
            "Ja, das darfst du sehr gern",
            "button “Ja, das darfst du sehr gern” has",
        ),
        (("refuse", "en"), "No", "characters where another has 2"),
        (("agree",), {"en": "Yes"}, "agree: has no words in es, de"),
    ],
)
def test_what_is_wrong_in_a_notice_is_found(
    tmp_path: Path, place: tuple[str, ...], text: Any, complaint: str
) -> None:
    purposes = read_yaml(HERE / "purposes.yml")
    purposes = changed(purposes, "tailor_suggestions", *place, to=text)

    assert complaint in found(shop(tmp_path, purposes=purposes))


@pytest.mark.parametrize(
    ("occasion", "said", "complaint"),
    [
        ("declined", "Of course.", "declined has no word of thanks"),
        ("declined", "Thank you, fine!", "declined is louder than the others"),
        ("skipped", ["Thank you.", "Later."], "skipped.1 has no word of thanks"),
        ("consent_refused", "Thank you, " + "fine, " * 20, "consent_refused is 131 characters"),
        ("bye", "Hurry back.", "bye presses the shopper"),
        ("bye", "Goodbye, {first_name}.", "puts a name into a text"),
        ("bye", "Goodbye, {{first}}.", "has a gap that nothing fills"),
        ("bye", 5, "bye is no sentence"),
        ("title", "Lisa", "title does not say what is speaking"),
        ("hello", "Hi, I am Lisa.", "hello does not say what is speaking"),
        ("bot", "I am one of the team, gladly.", "bot does not say what is speaking"),
        ("title", "Lisa of {shop} (automated)", "title may give a name (lisa)"),
        ("hello", "Hi, I am Lisa, the automated assistant.", "hello may give a name (I am …)"),
        ("hello_again", "Hi again. My name is Lo, automated.", "hello_again may give a name"),
        ("decline_label", "I would rather not say it", "has 25 characters"),
    ],
)
def test_what_is_wrong_in_the_wording_is_found(
    tmp_path: Path, occasion: str, said: Any, complaint: str
) -> None:
    assert complaint in found(shop(tmp_path, en=talk("en") | {occasion: said}))


@pytest.mark.parametrize(
    ("locale", "occasion", "said"),
    [
        ("es", "title", "Lucía de {shop} (automática)"),
        ("es", "hello", "Hola, soy Lucía, tu ayuda automática."),
        ("es", "hello", "Hola, me llamo Lu, soy automática."),
        ("de", "title", "Lisa von {shop} (automatisch)"),
        ("de", "hello", "Hallo, ich heiße Lisa und bin automatisch."),
        ("de", "hello_friend", "Hallo, ich bin Lisa, automatisch."),
    ],
)
def test_no_language_lets_the_assistant_have_a_name(
    tmp_path: Path, locale: str, occasion: str, said: str
) -> None:
    page: Any = {locale: talk(locale) | {occasion: said}}

    assert f"{occasion} may give a name" in found(shop(tmp_path, **page))


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("id: a\nversion: [\n", "team_orders.yml:3: is not YAML"),
        ("id: a\nuse: {product} is kept: always\n", "team_orders.yml:2: is not YAML"),
        ("- a list", "team_orders.yml:1: holds no names and values"),
        ("", "team_orders.yml:1: holds no names and values"),
        ("id: a\nid: b\n", "team_orders.yml:2: id stands twice. Keep one"),
        ("id: \x07", "team_orders.yml:1: cannot be read"),
    ],
)
def test_a_page_that_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, page: str, complaint: str
) -> None:
    folder = shop(tmp_path, A_CONFIRM)
    (folder / "questions" / "team_orders.yml").write_text(page)

    assert complaint in found(folder)


def test_a_page_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = shop(tmp_path, A_CONFIRM)
    (folder / "wording" / "es.yml").unlink()

    assert "wording/es.yml:1: cannot be read" in found(folder)


def test_a_finding_points_at_the_line_of_what_is_to_mend(tmp_path: Path) -> None:
    folder = copytree(HERE, tmp_path / "texts")
    file = folder / "questions" / "gift_or_self.yml"
    file.write_text(file.read_text().replace("en: For me,", "en: For me and for me alone,"))

    (finding,) = [one for one in check(folder) if one.file == file]

    line = file.read_text().splitlines()[finding.line - 1]
    assert "en: For me and for me alone," in line
    assert str(finding).startswith(f"{file}:{finding.line}: label “For me and for me alone” has")


def test_a_place_that_is_not_there_leads_to_the_line_before_it() -> None:
    page = Page(Path("a.yml"), "id: a\noptions:\n  - value: gift\n")

    assert page.line("options", 0, "value", "nothing", "below a text") == 3
    assert page.line("options", 7) == page.line("options", "no number") == 2
    assert page.line("nothing") == 1


def test_findings_come_in_the_order_of_the_files_and_lines(tmp_path: Path) -> None:
    findings = check(shop(tmp_path, asking(en="We know? You normally?"), en={"title": "Lisa"}))

    places = [(str(finding.file), finding.line) for finding in findings]
    assert places == sorted(places)
    assert len(places) > 2


def test_a_word_inside_another_word_is_no_such_word() -> None:
    page = Page(Path("page.yml"), "text: it")
    fine = ["Shall I sort by tone?", "A bold, racey bonnet for eldercare?", "Wholesale diet?"]

    for text in fine:
        sentence = Sentence(page, ("text",), "en", "asked", text)
        assert list(check_sentence(sentence, frozenset())) == [], text


def test_a_list_of_words_holds_for_every_language() -> None:
    for name, words in read_yaml(HERE / "check" / "words.yml").items():
        assert {"what", "remedy", "where", *LOCALES} == set(words), name
        for locale in LOCALES:
            assert len(words[locale]) >= 3, f"{name} in {locale}"
            assert all(isinstance(word, str) for word in words[locale]), f"{name} in {locale}"


def test_a_finding_is_one_line_with_a_remedy() -> None:
    finding = Finding(Path("a.yml"), 3, "is wrong", "Mend it")

    assert str(finding) == "a.yml:3: is wrong. Mend it."


def test_the_command_prints_what_it_found_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(tmp_path, asking(en="So that tips fit: you normally buy {product|it}. A gift?"))
    monkeypatch.chdir(tmp_path)

    assert main(["check", "."]) == 1
    said = capsys.readouterr().out
    assert said.startswith("questions/gift_or_self.yml:")
    assert len(said.splitlines()) == 1


def test_the_command_says_so_when_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop(tmp_path)
    monkeypatch.chdir(folder / "questions")

    assert main(["check", str(folder)]) == 0
    assert capsys.readouterr().out == "All is well: 1 questions, ready to be asked.\n"


def test_the_command_is_python_m_preferences(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["preferences", "schema"])

    with pytest.raises(SystemExit) as ended:
        run_path(str(HERE / "__main__.py"), run_name="__main__")

    assert ended.value.code == 0
    assert capsys.readouterr().out == schema()


def test_the_schema_in_the_tree_is_that_of_today(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = capsys.readouterr().out

    assert printed == schema()
    assert (HERE / "question.schema.json").read_text() == printed


def test_the_schema_tells_what_every_field_is_for() -> None:
    page = json.loads(schema())

    for name, field in page["properties"].items():
        assert field.get("description"), name
    assert page["properties"]["wording"]["required"] == [*LOCALES]


def test_every_question_leads_an_editor_to_the_schema() -> None:
    for file in (HERE / "questions").glob("*.yml"):
        first = file.read_text().splitlines()[0]
        assert first == "# yaml-language-server: $schema=../question.schema.json", file
