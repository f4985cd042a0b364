"""The TypeScript declarations, as the compiler of a shop's engineer reads them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMPILER = ROOT / ".tools/node_modules/.bin/tsc"
PACKAGE = ROOT / "bot/widget/package"
LOADER = ROOT / "bot/widget/static/askfirst.js"


def test_what_a_shop_may_write_compiles_and_what_it_may_not_does_not() -> None:
    if not COMPILER.exists():
        pytest.skip("the TypeScript compiler is missing: make types")
    project = Path(__file__).parent / "typescript"
    ran = subprocess.run([COMPILER, "-p", project], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, "")


def test_every_event_that_is_emitted_is_declared_and_the_other_way_round() -> None:
    declared = (PACKAGE / "index.d.ts").read_text().partition("interface Events {")[2]
    names = set(re.findall(r'^  "?([a-z:]+)"?: ', declared.partition("}\n\n")[0], re.MULTILINE))
    text = "".join(file.read_text() for file in LOADER.parent.glob("*.js"))
    emitted = set(re.findall(r'emit\((?:[^"()]*\? )?"([a-z:]+)"', text))
    either = re.findall(r'emit\([^"]*"[a-z: ]+" \? "([a-z:]+)" : "([a-z:]+)"', text)
    others = re.findall(r'emit\([\w.]+ \? "([a-z:]+)" : "([a-z:]+)"', text)

    assert names == emitted | {name for pair in either + others for name in pair}


def test_the_page_for_engineers_names_every_call_event_option_and_colour() -> None:
    types, page = (PACKAGE / "index.d.ts").read_text(), (ROOT / "docs/widget.md").read_text()
    inside = {
        name: types.partition(f"interface {name} {{")[2].partition("}\n\n")[0]
        for name in ("Askfirst", "Events", "Options", "Theme")
    }
    names = {
        name
        for text in inside.values()
        for name in re.findall(r'^  "?([a-zA-Z:-]+)"?[?(<:]', text, re.MULTILINE)
    }

    assert {"setTheme", "handoff:start", "identityUrl", "font-size"} <= names
    assert {name for name in names if not re.search(rf"(?<![\w:-]){name}(?![\w:-])", page)} == set()


def test_the_package_holds_what_its_description_names() -> None:
    described = json.loads((PACKAGE / "package.json").read_text())

    assert all((PACKAGE / name).is_file() for name in described["files"])
    assert (PACKAGE / described["types"]).is_file()
