import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from preferences.__main__ import main
from preferences.commands import simulate
from preferences.simulation.charts import bars, charts
from preferences.simulation.life import Year
from preferences.simulation.report import Report

Capture = pytest.CaptureFixture[str]
_PARTS = {"archetype", "channel"}


def simulated(capsys: Capture, *words: str) -> list[dict[str, Any]]:
    assert main(["simulate", "--shoppers", "40", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_figures_are_json_lines_that_the_seed_decides(capsys: Capture) -> None:
    figures = simulated(capsys, "--seed", "2")

    by_name = {figure["name"]: figure for figure in figures if figure.keys().isdisjoint(_PARTS)}
    by_channel = {figure["channel"]: figure for figure in figures if "channel" in figure}
    assert by_name["asks_per_shopper"]["shoppers"] == 40
    assert by_name["caps_exceeded"]["value"] == 0
    assert by_name["answers"].keys() >= {"answered", "skipped", "declined", "ignored", "fatigue"}
    assert by_name["silence"].keys() >= {"share", "reasons"}
    assert by_name["invitations"].keys() >= {"offered", "accepted", "declined"}
    assert by_name["befell"].keys() >= {"return", "complaint", "praise"}
    assert by_channel.keys() >= {"web", "whatsapp", "mail"}
    asked = sum(figure["asked"] for figure in by_channel.values())
    assert asked == by_name["answers"]["asked"]
    methods = [figure["method"] for figure in figures if figure["name"] == "misfit_lines"]
    assert methods == ["misfit", "category_change", "ask_always"]
    assert all(figure["seed"] == 2 and figure["days"] == 365 for figure in figures)
    assert simulated(capsys, "--seed", "2") == figures
    assert simulated(capsys, "--seed", "3") != figures


def test_they_are_drawn_as_well(capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "charts"

    simulated(capsys, "--days", "90", "--draw", str(folder))

    drawn = {file.name: file.read_text() for file in folder.iterdir()}
    assert drawn.keys() == {
        "asks.svg", "answers.svg", "channels.svg", "misfit.svg", "silence.svg",
    }  # fmt: skip
    for svg in drawn.values():
        assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 (our own file)
        assert "prefers-color-scheme: dark" in svg


def test_a_limit_that_was_exceeded_is_a_failure(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived = simulate.live

    def live(*told: object) -> Year:
        year: Year = lived(*told)
        return Year(*(getattr(year, name) for name in Year.__slots__[:-1]), breaches=("week",))

    monkeypatch.setattr(simulate, "live", live)

    assert main(["simulate", "--shoppers", "2"]) == 1
    caps = [line for line in capsys.readouterr().out.splitlines() if "caps_exceeded" in line]
    assert json.loads(caps[0])["week"] == 2


@pytest.mark.parametrize("count", ["0", "-3", "many", "1.5"])
def test_a_count_that_is_none_is_refused(capsys: Capture, count: str) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--shoppers", count])

    assert "whole number from 1 on" in capsys.readouterr().err


def test_who_was_asked_very_often_is_drawn_together() -> None:
    report = Report()
    report.asks.update({0: 5, 3: 2, 18: 1, 40: 2})

    svg = charts(report)["asks"]

    assert "16 or more" in svg
    assert "30.0%" in svg


def test_words_in_a_chart_are_words_and_nothing_to_draw_is_no_error() -> None:
    assert "&lt;b&gt;" in bars("<b>", [("<i>", 0, "0 & 0")])
    assert ET.fromstring(bars("Nothing", [])) is not None  # noqa: S314 (our own file)
