"""A live hub's vehicles come from a fleet file; every mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from casebook.place import Place
from scenarios.fleet import load_fleet
from scenarios.yaml_file import BadFile

GOOD = """
units:
  - {id: SJ-01, kind: ambulance, name_zh: 松江01, name_en: Songjiang 01, district: songjiang,
     at: {lat: 31.0, lon: 121.2}}
  - {id: SJ-02, kind: ambulance_5g, name_zh: 松江02, name_en: Songjiang 02, district: songjiang, station: xinbang,
     at: {lat: 30.9, lon: 121.1}}
"""


def test_a_fleet_is_read_as_enrolments(tmp_path: Path):
    (tmp_path / "fleet.yaml").write_text(GOOD, encoding="utf-8")
    first, second = load_fleet(tmp_path / "fleet.yaml")
    assert (first.unit, first.kind, first.base) == ("SJ-01", "ambulance", Place(31.0, 121.2))
    assert (second.station, second.name_zh) == ("xinbang", "松江02")


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("id: SJ-02", "id: SJ-01", "units.1.id"),
        ("kind: ambulance,", "kind: bicycle,", "units.0.kind"),
        ("lat: 31.0", "lat: 131.0", "units.0.at.lat"),
        ("district: songjiang,\n     at", "at", "units.0.district"),
    ],
)
def test_a_mistake_in_a_fleet_is_named_with_its_line(tmp_path: Path, before: str, after: str, field: str):
    (tmp_path / "fleet.yaml").write_text(GOOD.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(BadFile) as refused:
        load_fleet(tmp_path / "fleet.yaml")
    assert field in [mistake.field for mistake in refused.value.mistakes]
    assert all(mistake.line >= 3 for mistake in refused.value.mistakes)
