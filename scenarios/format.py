"""A scenario file as values: read, checked to the last field, and every mistake named with its line.

The shape is scenario.schema.json; beyond it are checked: who is named exists, every ask's command fits, offsets order.
What the steps mean is the player's affair (scenarios/player.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from casebook import events as e
from casebook.asking import Command, read_command
from casebook.errors import RefusedInput
from casebook.place import Place
from casebook.words import Language
from scenarios.region import Region, filled, find_region, load_region
from scenarios.yaml_file import BadFile, Mistake, YamlFile, check, read

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "library"
DEVICE = re.compile(r"(scene|none)$|\w+:|/dev/")  # a camera that is no film: drawn, absent, a device, an address
WHO = re.compile(r"(?:crew:\$carrier|hospital:\$ward):(?P<label>.+)")  # by what becomes of a casualty
Asks = Mapping[str, Mapping[str, type[Command]]]  # "crew": a vehicle's tablet, "hub": everyone else
SCHEMA: dict[str, Any] = json.loads((FOLDER / "scenario.schema.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class ScenarioUnit:
    """A vehicle of the drill. `full`: a process of its own with camera, waves and tablet."""

    id: str
    kind: str
    name_zh: str
    name_en: str
    district: str
    place: Place
    station: str = ""
    full: bool = False
    camera: str = "scene"


@dataclass(frozen=True, slots=True)
class ScenarioCasualty:
    """A casualty as the monitor will find them. `course`: offsets in seconds with target numerics."""

    label: str
    age_years: float | None = None
    sex: str | None = None
    course: tuple[Mapping[str, float], ...] = ()
    record: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing somebody does: at an offset, or some time after a fact; left out where `unless` has happened."""

    number: int
    who: str
    name: str = ""
    at_s: float | None = None
    after: Mapping[str, Any] | None = None
    plus_s: float = 0.0
    ask: str = ""
    command: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    optional: bool = False
    unless: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come out: a value of the report and its bound."""

    name: Mapping[str, str]
    value: str
    equals: Any = None
    at_least: float | None = None
    at_most: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A drill, ready to play."""

    id: str
    title: Mapping[str, str]
    about: Mapping[str, str]
    region: Region
    starts_at: datetime
    lasts_s: float
    seed: int
    severe: str
    assumptions: tuple[Mapping[str, str], ...]
    units: tuple[ScenarioUnit, ...]
    casualties: tuple[ScenarioCasualty, ...]
    capacity: Mapping[str, Mapping[str, Mapping[str, int | None]]]
    steps: tuple[Step, ...]
    expectations: tuple[Expectation, ...]

    def at(self, offset_s: float) -> datetime:
        return self.starts_at + timedelta(seconds=offset_s)


def find_scenario(name: str) -> Path:
    """A name of the library or a path. Raises RefusedInput listing the library's names."""
    listed = LIBRARY / f"{name}.yaml"
    path = listed if listed.exists() else Path(name)
    if not path.is_file():
        raise RefusedInput("no_scenario", name=name, known=", ".join(list_scenarios()))
    return path


def list_scenarios() -> list[str]:
    return sorted(file.stem for file in LIBRARY.glob("*.yaml"))


def load_scenario(file: Path, asks: Asks, language: Language = "zh") -> Scenario:
    """Read and check a scenario; `asks`: every command there is. Raises BadFile with all mistakes.

    What people type in a drill may stand as {zh, en}; it is typed in `language`.
    """
    source = read(file)
    mistakes = check(source, SCHEMA)
    if mistakes:
        raise BadFile(mistakes)
    for step in source.values["steps"]:
        step["with"] = typed(step.get("with", {}), language)
        step["name"] = typed(step.get("name", ""), language)
    values = source.values
    region = _region(source, file)
    mistakes = [*_references(source, region), *_commands(source, asks), *_fill_files(source, file.parent)]
    if mistakes:
        raise BadFile(mistakes)
    return _scenario(values, region)


def _region(source: YamlFile, file: Path) -> Region:
    path = find_region(source.values["region"], beside=file.parent)
    if path is None:
        raise BadFile([source.mistake(["region"], "file_absent", path=source.values["region"])])
    return load_region(path)


def _fill_files(source: YamlFile, beside: Path) -> Iterable[Mistake]:
    """Records and films by their whole path (${shared_data} is the sample-data folder); those that are not there."""
    for group, field_, is_there in (("casualties", "record", _is_record), ("units", "camera", Path.is_file)):
        for number, one in enumerate(source.values[group]):
            if field_ not in one or (field_ == "camera" and DEVICE.match(one[field_])):
                continue
            path = filled(one[field_], beside)
            one[field_] = str(path)
            if not is_there(path):
                yield source.mistake([group, number, field_], "file_absent", path=path)


def _is_record(path: Path) -> bool:
    """A WFDB record is named by any of its files or by none of them."""
    return path.is_file() or path.with_name(f"{path.name}.hea").is_file()


def _references(source: YamlFile, region: Region) -> Iterable[Mistake]:
    """Everything named must be there."""
    values = source.values
    units = {unit["id"] for unit in values["units"]}
    labels = {casualty["label"] for casualty in values["casualties"]}
    hospitals = set(region.hospitals)

    def unknown(path: list[str | int], what: str, id: str, known: Iterable[str]) -> Mistake:
        return source.mistake(path, "unknown", what=what, id=id, known=", ".join(sorted(known)))

    for number, unit in enumerate(values["units"]):
        if isinstance(unit["at"], str) and unit["at"] not in region.places:
            yield unknown(["units", number, "at"], "place", unit["at"], region.places)
        if unit["kind"] == "helicopter" and unit["id"] not in region.aircraft:
            yield unknown(["units", number, "id"], "aircraft", unit["id"], region.aircraft)
    if values["severe"] not in labels:
        yield unknown(["severe"], "casualty", values["severe"], labels)
    for hospital in values.get("capacity", {}):
        if hospital not in hospitals:
            yield unknown(["capacity", hospital], "hospital", hospital, hospitals)
    for number, step in enumerate(values["steps"]):
        who, _, id = step["who"].partition(":")
        named = WHO.fullmatch(step["who"])
        if named and named["label"] not in labels:
            yield unknown(["steps", number, "who"], "casualty", named["label"], labels)
        if who == "crew" and not named and id not in units:
            yield unknown(["steps", number, "who"], "unit", id, units)
        if who == "hospital" and not named and id not in hospitals:
            yield unknown(["steps", number, "who"], "hospital", id, hospitals)
        if ("at" in step) == ("after" in step):
            yield source.mistake(["steps", number], "at_or_after")
        for when in {"after", "unless"} & set(step):
            if step[when]["fact"] not in e.FACTS:
                yield unknown(["steps", number, when, "fact"], "fact", step[when]["fact"], e.FACTS)


def _commands(source: YamlFile, asks: Asks) -> Iterable[Mistake]:
    """Every ask exists and its command has the right fields ($names stand for text)."""
    for number, step in enumerate(source.values["steps"]):
        if "ask" not in step:
            continue
        known = asks["crew" if step["who"].startswith("crew:") else "hub"]
        kind = known.get(step["ask"])
        if kind is None:
            yield source.mistake(["steps", number, "ask"], "no_ask", ask=step["ask"], known=", ".join(sorted(known)))
            continue
        try:
            read_command(msgspec.json.encode(step.get("with", {})), kind, step["ask"])
        except RefusedInput as wrong:
            field_ = str(wrong.facts.get("field", "$"))
            path = ["steps", number, "with", *([] if field_ == "$" else field_.split("."))]
            yield source.mistake(path, "command", ask=step["ask"], why=wrong.facts.get("why", "?"))


def typed(value: Any, language: Language) -> Any:
    """A command as it is typed in one language: every {zh, en} becomes that text."""
    if isinstance(value, dict):
        if set(value) == {"zh", "en"}:
            return value[language]
        return {name: typed(one, language) for name, one in value.items()}
    if isinstance(value, list):
        return [typed(one, language) for one in value]
    return value


def seconds(offset: str | float) -> float:
    """ "0:05:30" or 330 -> 330.0"""
    if isinstance(offset, (int, float)):
        return float(offset)
    hours, minutes, rest = offset.split(":")
    return int(hours) * 3600.0 + int(minutes) * 60 + int(rest)


def _scenario(values: dict[str, Any], region: Region) -> Scenario:
    starts_at = datetime.fromisoformat(values["starts_at"]).astimezone(UTC)
    return Scenario(
        id=values["scenario"],
        title=values["title"],
        about=values.get("about", values["title"]),
        region=region,
        starts_at=starts_at,
        lasts_s=seconds(values["lasts"]),
        seed=values.get("seed", 0),
        severe=values["severe"],
        assumptions=tuple(values.get("assumptions", ())),
        units=tuple(_unit(unit, region) for unit in values["units"]),
        casualties=tuple(_casualty(casualty) for casualty in values["casualties"]),
        capacity=values.get("capacity", {}),
        steps=tuple(_step(number, step) for number, step in enumerate(values["steps"], start=1)),
        expectations=tuple(Expectation(**one) for one in values.get("expectations", ())),
    )


def _unit(unit: dict[str, Any], region: Region) -> ScenarioUnit:
    at = unit["at"]
    place = region.places[at] if isinstance(at, str) else Place(at["lat"], at["lon"])
    return ScenarioUnit(
        unit["id"], unit["kind"], unit["name_zh"], unit["name_en"], unit["district"], place, unit.get("station", ""),
        unit.get("vehicle") == "full", unit.get("camera", "scene"),
    )  # fmt: skip


def _casualty(casualty: dict[str, Any]) -> ScenarioCasualty:
    course = tuple({**point, "at": seconds(point["at"])} for point in casualty.get("course", ()))
    return ScenarioCasualty(
        casualty["label"], casualty.get("age_years"), casualty.get("sex"), course, casualty.get("record", "")
    )


def _step(number: int, step: dict[str, Any]) -> Step:
    return Step(
        number, step["who"], step.get("name", ""), seconds(step["at"]) if "at" in step else None, step.get("after"),
        seconds(step.get("plus", 0)), step.get("ask", ""), step.get("with", {}), step.get("fault", ""),
        step.get("optional", False), step.get("unless"),
    )  # fmt: skip
