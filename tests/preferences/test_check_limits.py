"""What is wrong in the pages of gives, referral, limits and silences is named with its line and a remedy."""

from pathlib import Path
from shutil import copytree

import pytest

from preferences.catalogue import HERE
from preferences.check.pages import Finding
from preferences.check.run import check

_QUESTIONS = HERE / "questions"
_EXPERIMENT = (
    "experiments: [{ id: a, question: size_fit, asks_per_arm: 4, until: 2027-03-01, "
    "arms: { control: 50, bold: 50 } }]"
)
_LIMITS = ("entries.yml", "gives.yml", "referral.yml", "policy.yml", "sensitive.yml")


def _checked(folder: Path, file: str, old: str, new: str) -> list[Finding]:
    """Check a shop in which a page of limits has other words at one place."""
    text = (HERE / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return [finding for finding in check(folder) if finding.file.name == file]


def _line(file: str, words: str) -> int:
    lines = (HERE / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if words in line)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The purposes and the wording, without questions: they are looked at elsewhere."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "wording").mkdir()
    return folder


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "remedy"),
    [
        ("questions_per_week: 1", "questions_per_week: -1", "questions_per_week",
         "questions_per_week: Input should be greater", "Write it as the page"),
        ("quiet_days: 90", "quite_days: 90", "quiet_days",
         "quite_days: Extra inputs", "Remove it, or mend its name"),
        ('mode: "on"', "mode: on", "mode:",
         "mode: Input should be 'observe', 'pilot' or 'on'", "in quotes where YAML"),
        ("zone: Europe/Berlin", "zone: Berlin", "zone:",
         "quiet_hours.zone: is no time zone", "Mend it"),
        ("gift_or_self: 1.0", "gift_or_me: 1.0", "gift_or_self: 1.0",
         "there is no question gift_or_me", "Name a file of questions/"),
        ("question: how_was_it", "question: how_is_it", "question: how_was_it",
         "there is no question how_is_it", "Name a file of questions/"),
        ("  questions: [] #", "  questions: [who_are_you] #", "  questions: []",
         "there is no question who_are_you", "Name a file of questions/"),
        ("conditions: {}", "conditions: { sizes: { orders: 1 } }", "conditions: {}",
         "there is no question sizes", "Name a file of questions/"),
        ("conditions: {}", "conditions: { size_fit: { answers: { colour: [red] } } }",
         "conditions: {}", "there is no question colour", "Name a file of questions/"),
        ("conditions: {}", "conditions: { size_fit: { weekdays: [monday] } }",
         "conditions: {}", "conditions.size_fit.weekdays.0: Input should be 'mon'", "Take one of"),
        ("2: { answers: 1, contact_days: 365 }", "2: { answers: 1, contact_days: 0 }",
         "2: { answers: 1", "depth.2.contact_days: Input should be greater", "Write it as"),
        ("experiments: []", _EXPERIMENT, "experiments: []",
         "the arm bold has no wording", "Write it under variants in questions/size_fit.yml"),
    ],
)  # fmt: skip
def test_a_limit_that_is_wrong_is_found(
    policed: Path, old: str, new: str, where: str, what: str, remedy: str
) -> None:
    found = _checked(policed, "policy.yml", old, new)
    line = _line("policy.yml", where)
    assert [what in one.what and remedy in one.remedy for one in found if one.line == line] == [
        True
    ]


@pytest.fixture(scope="module")
def policed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The questions too: limits name them."""
    folder = tmp_path_factory.mktemp("policed")
    (folder / "wording").mkdir()
    copytree(_QUESTIONS, folder / "questions")
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "told"),
    [
        ("entries.yml", "campaigns: [gift_guide, gift-guide, geschenke, regalos]", "campaigns: []",
         "campaigns: [", ("campaigns: List should have at least 1", "Write it as the page")),
        ("entries.yml", "  asks: []", "  asks: [who_are_you]", "  asks: []",
         ("there is no question who_are_you", "Name a file of questions/")),
        ("entries.yml", "Find a present that fits", "Hurry, {name}: presents", 'en: "Find',
         ("puts a name into a text", "Leave the name out")),
        ("gives.yml", "due_days: 7", "due_days: 0", "due_days: 7",
         ("due_days: Input should be greater", "Write it as the page")),
        ("gives.yml", "  due_days: 3\n", "", "free_return_shipping:",
         ("offers and points need it", "Mend it")),
        ("gives.yml", '  value: "20"\n', "", "points_20:",
         ("is promised and has no value", "how many, or which code")),
        ("gives.yml", "20 points are on their way", "Hurry, {name}: 20 points are on their way",
         "20 points are", ("puts a name into a text", "Leave the name out")),
        ("referral.yml", "enabled: false", "enabled: true", "link:",
         ("an address that is an example", "set enabled: false")),
        ("referral.yml", "signals: 2", "signals: 1", "signals:",
         ("signals: Input should be greater", "Write it as the page")),
        ("referral.yml", "both get something: {link}", "both get something.", 'en: "I like',
         ("message.en has no place for the link", "Write {link} once")),
        ("referral.yml", '    - "Your friend gets 10 € off that first order."\n', "", "terms:",
         ("three sentences", "Mend it")),
        ("referral.yml", "Your friend gets 10 € off that first order.",
         "A b c d e f g h i j k l m n o p q r s t u v w x.", "Your friend gets",
         ("has 24 words", "20 words at most")),
        ("sensitive.yml", "    pause_days: 90", "    pause_days: 0", "pause_days: 90",
         ("pause_days: Input should be greater", "Write it as")),
        ("sensitive.yml", "  pets: pets?|animals?", "  pats: pets?|animals?", "pets: pets?",
         ("pats never falls silent", "Name a category")),
        ("sensitive.yml", "    categories: [pets, cats, cat food]", "    categories: [cats]",
         "categories: [pets, cats, cat food]",
         ("nobody can lift what cat_died silences", "Add one")),
        ("sensitive.yml", "({named})( \\w+){0,2} again", "(that)( \\w+){0,2} again",
         "({named})( \\w+){0,2} again", ("nothing is named in this sentence", "Write {named} where")),
        ("sensitive.yml", "words: horse|", "words: (horse|", "words: horse|",
         ("cannot be searched for", "Mend it")),
    ],
)  # fmt: skip
def test_what_is_given_offered_or_silenced_wrongly_is_found(
    texts: Path, file: str, old: str, new: str, where: str, told: tuple[str, str]
) -> None:
    found = _checked(texts, file, old, new)
    what, remedy = told
    assert any(
        what in one.what and remedy in one.remedy and one.line == _line(file, where)
        for one in found
    ), [str(one) for one in found]


def test_a_give_that_a_question_names_has_to_stand_in_its_page(policed: Path) -> None:
    page = policed / "questions" / "size_fit.yml"
    kept = page.read_text(encoding="utf-8")
    page.write_text(f"gives: a_cake\n{kept}", encoding="utf-8")
    try:
        found = [one for one in check(policed) if one.file == page and one.line == 1]
    finally:
        page.write_text(kept, encoding="utf-8")
    assert [(one.line, one.what) for one in found] == [(1, "the give a_cake is not known")]


def test_the_pages_that_come_with_it_are_all_looked_at(tmp_path: Path) -> None:
    (tmp_path / "wording").mkdir()
    for name in _LIMITS:
        (tmp_path / name).write_text("nothing: here\n", encoding="utf-8")
    assert {one.file.name for one in check(tmp_path)} >= {*_LIMITS}
