"""Mappings of a test's own: a page is written, and read as a shop's would be."""

from pathlib import Path
from typing import Any

import yaml

from preferences.catalogue import load_catalogue
from sync.mapping import CrmMapping, load_mapping

CATALOGUE = load_catalogue()


def mapping(folder: Path, *fields: dict[str, Any], name: str = "crm") -> CrmMapping:
    page = {"key": "askfirst_id", "fields": list(fields)}
    (folder / f"{name}.yml").write_text(yaml.safe_dump(page))
    found = load_mapping(name, CATALOGUE, folder)
    assert found
    return found
