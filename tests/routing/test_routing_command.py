"""``aboard roads`` as a user types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from paper_towns import osm_xml

from aboard.cli import run

NODES = {1: (31.00, 121.00), 2: (31.00, 121.01), 3: (31.01, 121.01), 4: (31.01, 121.00)}
WAYS = [(10, [1, 2, 3, 4, 1], {"highway": "primary", "ref": "G320", "name": "亭枫公路", "name:en": "Tingfeng Road"})]


@pytest.fixture
def town(tmp_path: Path) -> Path:
    file = tmp_path / "town.osm"
    file.write_text(osm_xml(NODES, WAYS), encoding="utf-8")
    return file


def typed(*words: object) -> int:
    return run(["--lang", "en", "roads", *map(str, words)])


def test_build_then_info_then_route(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    built = tmp_path / "town.roads"
    assert typed("build", town, "--out", built, "--name", "Fengjing", "--accuracy-m", "100") == 0
    assert "8 arcs" in capsys.readouterr().out
    assert typed("info", built, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["name"], facts["arcs"], facts["accuracy_m"], facts["country"]) == ("Fengjing", 8, 100.0, "CN")
    assert typed("info", built) == 0
    assert "OpenStreetMap" in capsys.readouterr().out
    assert typed("route", built, "--from", "31.0,121.002", "--to", "31.0,121.008", "--siren") == 0
    out = capsys.readouterr().out
    assert "G320 Tingfeng Road" in out
    assert "OpenStreetMap" in out


def test_a_route_round_a_polygon_as_json(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    square = [[121.004, 30.999], [121.006, 30.999], [121.006, 31.001], [121.004, 31.001], [121.004, 30.999]]
    polygon = tmp_path / "works.geojson"
    polygon.write_text(json.dumps({"type": "Polygon", "coordinates": [square]}), encoding="utf-8")
    asked = ("route", town, "--from", "31.0,121.0", "--to", "31.0,121.01", "--at", "2021-04-18T09:30+08:00", "--json")
    assert typed(*asked) == 0
    free = json.loads(capsys.readouterr().out)
    assert typed(*asked, "--close", polygon) == 0
    round_it = json.loads(capsys.readouterr().out)
    assert round_it["length_m"] == pytest.approx(3 * free["length_m"], rel=0.2)
    assert round_it["avoids"][0]["closure"] == "works"
    assert typed(*asked, "--engine", "networkx") == 0
    assert json.loads(capsys.readouterr().out)["eta_s"] == free["eta_s"]


def test_a_table_of_places(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    starts, ends, out = (tmp_path / name for name in ("starts.csv", "ends.csv", "out.csv"))
    starts.write_text("name,lat,lon\nstation,31.0,121.002\n,31.0,121.0\n", encoding="utf-8")
    ends.write_text("lat,lon,name\n31.01,121.0,hospital\n40,116,Beijing\n", encoding="utf-8-sig")
    assert typed("table", town, "--from-csv", starts, "--to-csv", ends, "--out", out) == 0
    assert "2 pairs have no way" in capsys.readouterr().out
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [(row["from"], row["to"], bool(row["eta_s"])) for row in rows] == [
        ("station", "hospital", True),
        ("station", "Beijing", False),
        ("2", "hospital", True),
        ("2", "Beijing", False),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["info", "nowhere.osm"], "does not exist"),
        (["route", "{town}", "--from", "here", "--to", "31,121"], '--from: "here" is not a place'),
        (["route", "{town}", "--from", "91,121", "--to", "31,121"], "91.0 is not within"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--at", "noon"], "not an instant"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--at", "2021-04-18T09:30"], "not an instant"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--close", "{town}"], "line 1: not GeoJSON"),
        (["route", "{town}", "--from", "31,121", "--to", "31.01,121", "--engine", "magic"], "scipy, networkx"),
        (["build", "{town}", "--out", "{tmp}/x.shp"], "not known here"),
        (["build", "{town}", "--out", "{town}/x.roads"], "cannot be written"),
        (["table", "{town}", "--from-csv", "{bad}", "--to-csv", "{bad}", "--out", "{tmp}/o.csv"], "bad.csv, line 3"),
        (["table", "{town}", "--from-csv", "{town}", "--to-csv", "{bad}", "--out", "{tmp}/o.csv"], "town.osm, line 1"),
        (["fetch", "--bbox", "1,2,3", "--out", "{tmp}/x.roads"], "is not a box"),
        (["fetch", "--bbox", "3,2,1,4", "--out", "{tmp}/x.roads"], "bbox"),
    ],
)
def test_what_cannot_be_read_is_refused(
    town: Path, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    bad = tmp_path / "bad.csv"
    bad.write_text("lat,lon\n31,121\n31,east\n", encoding="utf-8")
    filled = [word.format(town=town, tmp=tmp_path, bad=bad) for word in words]
    assert typed(*filled) == 2
    assert said in capsys.readouterr().err
