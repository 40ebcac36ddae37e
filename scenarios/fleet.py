"""The vehicles of a live hub, read from a fleet file (YAML); every mistake is named by file, line and field."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from casebook import events as e
from casebook.place import Place
from scenarios.yaml_file import BadFile, check, read

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent / "fleet.schema.json").read_text(encoding="utf-8"))


def load_fleet(file: Path) -> list[e.UnitEnrolled]:
    """The vehicles as facts. Raises BadFile with all mistakes, an id that stands twice among them."""
    source = read(file)
    mistakes = check(source, SCHEMA)
    if not mistakes:
        counts = Counter(unit["id"] for unit in source.values["units"])
        twice = [number for number, unit in enumerate(source.values["units"]) if counts[unit["id"]] > 1]
        mistakes = [source.mistake(["units", number, "id"], "twice") for number in twice[1:]]
    if mistakes:
        raise BadFile(mistakes)
    return [_enrolled(unit) for unit in source.values["units"]]


def _enrolled(unit: dict[str, Any]) -> e.UnitEnrolled:
    place = Place(unit["at"]["lat"], unit["at"]["lon"])
    return e.UnitEnrolled(
        unit["id"], unit["kind"], unit["name_zh"], unit["name_en"], unit["district"], place, unit.get("station", "")
    )
