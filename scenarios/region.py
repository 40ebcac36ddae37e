"""A region as values: its roads, hospitals, stations, landing sites and aircraft, read from region.yaml.

What a hospital can take now is never here: that is reported. Every place keeps how far off it may be.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from casebook import events as e
from casebook.errors import RefusedInput
from casebook.place import Place
from casebook.screens import REPO
from routing.air import (
    APPROVALS,
    Aircraft,
    AirTimes,
    Approval,
    Base,
    LandingSite,
    Spread,
    Weather,
    air_times_of,
    spread_of,
)
from scenarios.yaml_file import BadFile, Mistake, YamlFile, check, read

REGIONS = Path(__file__).parent / "regions"
SCHEMA: dict[str, Any] = json.loads((REGIONS / "region.schema.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Region:
    """`places`: everything that has an id and a position. `aircraft`: by id, at their bases."""

    id: str
    name_zh: str
    name_en: str
    file: Path
    roads: Path
    accuracy_m: float
    country: str
    attribution: str
    hospitals: Mapping[str, e.HospitalEnrolled]
    places: Mapping[str, Place]
    sites: tuple[LandingSite, ...] = ()
    pads: Mapping[str, LandingSite] = field(default_factory=dict)
    aircraft: Mapping[str, Aircraft] = field(default_factory=dict)
    air_times: AirTimes = field(default_factory=AirTimes)
    weather: Weather | None = None
    districts: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # id -> (zh, en)
    stations: tuple[str, ...] = ()  # ids among places

    def enrolments(self) -> list[e.Event]:
        """The facts that make the region's hospitals known."""
        return list(self.hospitals.values())


def find_region(name: str, beside: Path | None = None) -> Path | None:
    """The file of a region: a shipped one by its id, else a path (also beside the scenario that names it)."""
    candidates = [REGIONS / name / "region.yaml", Path(name), *([beside / name] if beside else [])]
    return next((path for path in candidates if path.is_file()), None)


def load_region(file: Path) -> Region:
    """Read and check a region. Raises BadFile naming every mistake, and files that it names and that are not there."""
    source = read(file)
    mistakes = check(source, SCHEMA)
    if mistakes:
        raise BadFile(mistakes)
    values = source.values
    roads = _file(source, file, "roads")
    hospitals = list(values.get("hospitals", ())) + _table(source, file, "hospitals_csv", "hospital")
    stations = list(values.get("stations", ())) + _table(source, file, "stations_csv", "station")
    flown = _Flown(source)
    sites = {site.id: site for site in flown.sites()}
    pads = {one["id"]: sites[one["pad"]] for one in hospitals if one.get("pad") in sites}
    named = [*hospitals, *stations, *values.get("helicopter_bases", ()), *values.get("places", ())]
    places = {one["id"]: place_of(one) for one in named} | {id: site.place for id, site in sites.items()}
    return Region(
        id=values["region"], name_zh=values["name_zh"], name_en=values["name_en"], file=file, roads=roads,
        accuracy_m=values.get("roads_accuracy_m", 0), country=values["country"], attribution=values["attribution"],
        hospitals={one["id"]: _hospital(one, pads) for one in hospitals}, places=places,
        sites=tuple(site for site in sites.values() if site not in pads.values()), pads=pads,
        aircraft={one.id: one for one in flown.aircraft(places)}, air_times=flown.air_times(),
        weather=Weather(**values["weather"]) if "weather" in values else None,
        districts={one["id"]: (one["name_zh"], one["name_en"]) for one in values.get("districts", ())},
        stations=tuple(one["id"] for one in stations),
    )  # fmt: skip


def place_of(one: Mapping[str, Any]) -> Place:
    return Place(one["lat"], one["lon"], one["name_zh"], one["name_en"], float(one.get("radius_m", 0)))


def _hospital(one: Mapping[str, Any], pads: Mapping[str, LandingSite]) -> e.HospitalEnrolled:
    pad = pads.get(one["id"])
    return e.HospitalEnrolled(
        one["id"], one["name_zh"], one["name_en"], place_of(one), tuple(one.get("capabilities", ())),
        one.get("trauma_level"), one.get("district", ""), pad.place if pad else None,
    )  # fmt: skip


class _Flown:
    """What flies and where it may land; a figure whose quantiles do not stand in order is a mistake with its line."""

    def __init__(self, source: YamlFile) -> None:
        self._source = source

    def sites(self) -> Iterable[LandingSite]:
        for row, one in enumerate(self._source.values.get("landing_sites", ())):
            size = one.get("size_m")
            stated = ("surveyed", "surface", "slope_deg", "night_use", "secured_by", "pad_to_ed_mark", "by_ambulance")
            yield LandingSite(
                one["id"], place_of(one), one["kind"], (size[0], size[1]) if size else None, one.get("lit"),
                one.get("pad_to_ed_s"), one.get("source", ""), one.get("confidence", ""),
                secure=self._figure(one, ["landing_sites", row], "secure_s"),
                **{name: one[name] for name in stated if name in one},
            )  # fmt: skip

    def aircraft(self, places: Mapping[str, Place]) -> Iterable[Aircraft]:
        bases = {base.id: base for base in self._bases()}
        stated = (
            "d_value_m", "pilots", "wind_limit_kt", "type", "climb_ms", "hoist", "hoist_at_night", "night_capable",
            "payload_kg", "minima",
        )  # fmt: skip
        for row, one in enumerate(self._source.values.get("aircraft", ())):
            yield Aircraft(
                one["id"], places[one["base"]], one["name_zh"], one["name_en"], float(one["cruise_kmh"]),
                home=bases.get(one["base"]), approval=self._approval(one, row),
                **{name: one[name] for name in stated if name in one},
            )  # fmt: skip

    def air_times(self) -> AirTimes:
        told = self._source.values.get("air_times", {})
        for name in told:
            self._figure(told, ["air_times"], name)
        return air_times_of(told)

    def _bases(self) -> Iterable[Base]:
        for row, one in enumerate(self._source.values.get("helicopter_bases", ())):
            path = ["helicopter_bases", row]
            names = ("alarm_to_takeoff", "on_standby_takeoff", "night_extra")
            own = {name: self._figure(one, path, f"{name}_s") for name in names}
            yield Base(one["id"], place_of(one), **own, staffed_at_night=one.get("staffed_at_night"))

    def _approval(self, one: Mapping[str, Any], row: int) -> Approval | None:
        told = one.get("approval")
        if told is None:
            return None
        own = self._figure(told, ["aircraft", row, "approval"], "expected_s")
        return Approval(told.get("granted", False), own or APPROVALS.get(told.get("practice", "")))

    def _figure(self, one: Mapping[str, Any], path: list[str | int], name: str) -> Spread | None:
        try:
            return spread_of(one[name]) if name in one else None
        except RefusedInput as refused:
            raise BadFile([self._source.mistake([*path, name], "other", why=refused.said("en"))]) from refused


def _file(source: YamlFile, file: Path, field_: str) -> Path:
    path = filled(source.values[field_], file.parent)
    if not path.is_file():
        raise BadFile([source.mistake([field_], "file_absent", path=path)])
    return path


def filled(text: str, beside: Path) -> Path:
    """A path beside the region file; ${shared_data} is the sample-data folder (`ABOARD_SHARED_DATA`)."""
    shared = os.environ.get("ABOARD_SHARED_DATA", str(REPO.parent / "shared" / "data"))
    return beside / text.replace("${shared_data}", shared)


def _table(source: YamlFile, file: Path, field_: str, kind: str) -> list[dict[str, Any]]:
    """Rows of a JEMSS table: a title line, a header (index, x = lon, y = lat ...), then one place a line."""
    if field_ not in source.values:
        return []
    path = _file(source, file, field_)
    with path.open(encoding="utf-8", newline="") as lines:
        next(lines)
        rows = [{key.lower(): value for key, value in row.items() if key} for row in csv.DictReader(lines)]
    return list(_places(rows, kind, path.name, source.values.get(f"{kind}_defaults", {})))


def _places(rows: Iterable[Mapping[str, str]], kind: str, name: str, defaults: Mapping[str, Any]) -> Iterable[Any]:
    for number, row in enumerate(rows, start=3):
        try:
            lat, lon = float(row["y"]), float(row["x"])
        except (KeyError, ValueError) as wrong:
            raise BadFile([Mistake(name, number, "x, y", "type", {"wanted": "number", "found": str(wrong)})]) from wrong
        named = row.get("name") or f"{kind} {row['index']}"
        yield {"id": f"{kind}_{row['index']}", "name_zh": named, "name_en": named, "lat": lat, "lon": lon, **defaults}
