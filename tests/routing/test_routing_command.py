"""``aboard roads`` as a user types it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from paper_towns import osm_xml

from aboard.cli import run
from routing.roads import Roadmap, save_roads

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
        (["route", "{town}", "--from", "121,31", "--to", "31,121"], "latitude and longitude are swapped"),
        (["route", "{town}", "--from", "nan,121", "--to", "31,121"], "nan is not within"),
        (["route", "{town}", "--from", "30,123", "--to", "31,121"], "no usable road within 5 km"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--profile", "tank"], "car, ambulance"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--profile", "car", "--siren"], "Give one of them"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--height", "-2"], "height_m = -2"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--close", "edge:1,2"], "names no road"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--close", "km:G320:a-b"], "names no road"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--close", "ref:G320@east"], "names no road"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--close", "ref:G999"], "G999"),
        (["route", "{town}", "--from", "31,121", "--to", "31.01,121.01", "--close", "ref:G320"], "no usable road"),
        (["reach", "{town}", "--from", "31,121", "--minutes", "soon"], "not a list of numbers"),
        (["reach", "{town}", "--from", "31,121", "--minutes", "0,5"], "above 0"),
        (["route", "{town}", "--from", "31,121", "--to", "31,121", "--at", "9999-12-31T23:59+00:00"], "1970..2200"),
        (["coverage", "{town}", "--stations", "{tmp}/sea.csv", "--within", "nan"], "nan: give"),
        (["coverage", "{town}", "--stations", "atlantis"], "atlantis"),
        (["coverage", "{town}", "--stations", "{tmp}/gone.csv"], "does not exist"),
        (["coverage", "{town}", "--stations", "{tmp}/sea.csv"], "None of the 1 stations"),
    ],
)
def test_what_cannot_be_read_is_refused(
    town: Path, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    bad = tmp_path / "bad.csv"
    bad.write_text("lat,lon\n31,121\n31,east\n", encoding="utf-8")
    (tmp_path / "sea.csv").write_text("lat,lon\n30,123\n", encoding="utf-8")
    filled = [word.format(town=town, tmp=tmp_path, bad=bad) for word in words]
    assert typed(*filled) == 2
    assert said in capsys.readouterr().err


def test_the_way_step_by_step_in_the_users_language(town: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["roads", "route", str(town), "--from", "31.0,121.002", "--to", "31.009,121.01", "--steps"]
    assert run(["--lang", "en", *asked]) == 0
    said = capsys.readouterr().out
    assert "Head east on Tingfeng Road (G320)" in said and "You have arrived" in said
    assert run(["--lang", "zh", *asked]) == 0
    assert "沿亭枫公路（G320）向东出发" in capsys.readouterr().out


def test_answers_are_drawn_for_maps(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    drawn = tmp_path / "drawn.geojson"
    stations = tmp_path / "stations.csv"
    stations.write_text("name,lat,lon\nwest,31.0,121.0\n", encoding="utf-8")
    asked = {
        "route": ("--from", "31.0,121.002", "--to", "31.0,121.008"),
        "reach": ("--from", "31.0,121.002", "--minutes", "1"),
        "coverage": ("--stations", stations),
        "info": (),
    }
    kinds = {"route": "LineString", "reach": "Polygon", "coverage": "Point", "info": "LineString"}
    for word, options in asked.items():
        assert typed(word, town, *options, "--geojson", drawn) == 0
        told = json.loads(drawn.read_text(encoding="utf-8"))
        assert told["type"] == "FeatureCollection" and "OpenStreetMap" in told["attribution"]
        assert told["features"][0]["geometry"]["type"] == kinds[word]
        drawn.unlink()
    capsys.readouterr()


def test_every_word_speaks_json(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    places = tmp_path / "places.csv"
    places.write_text("name,lat,lon\nwest,31.0,121.0\neast,31.0,121.01\n", encoding="utf-8")
    asked = [
        ("build", town, "--out", tmp_path / "town.roads"),
        ("info", town),
        ("route", town, "--from", "31.0,121.0", "--to", "31.0,121.01"),
        ("table", town, "--from-csv", places, "--to-csv", places),
        ("reach", town, "--from", "31.0,121.0", "--minutes", "1,2", "--toward"),
        ("coverage", town, "--stations", places),
    ]
    told = []
    for words in asked:
        assert typed(*words, "--json") == 0
        told.append(json.loads(capsys.readouterr().out))
    built, about, way, times, band, cover = told
    assert built["arcs"] == about["arcs"] == 8
    assert way["steps"][-1]["kind"] == "arrive"
    assert times["from"] == ["west", "east"] and times["eta_s"][0][0] == 0 and times["eta_s"][0][1] > 0
    assert band["toward"] is True and len(band["features"]) == 3
    assert cover["stations"] == 2 and cover["targets"][0]["source"]


def test_reach_and_coverage_as_people_read_them(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert typed("reach", town, "--from", "31.0,121.0", "--minutes", "1,30", "--siren") == 0
    out = capsys.readouterr().out
    assert "Reached from 31.0,121.0" in out and "OpenStreetMap" in out
    stations, nearest = tmp_path / "stations.csv", tmp_path / "nearest.csv"
    stations.write_text("name,lat,lon\nwest,31.0,121.0\nsea,30,123\n", encoding="utf-8")
    assert typed("coverage", town, "--stations", stations, "--csv", nearest, "--within", "1,8") == 0
    out = capsys.readouterr().out
    assert "Target missed" in out or "Target met" in out
    assert "sea" in out, "a station that does not count is told"
    rows = list(csv.DictReader(nearest.open(encoding="utf-8")))
    assert [row["station"] for row in rows] == ["west"] * 4


def test_coverage_of_a_regions_own_stations_on_a_jemss_table(
    shared_data: Path, auckland: Roadmap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    roads = tmp_path / "auckland.roads"
    save_roads(auckland, roads)
    for stations in (shared_data / "roads" / "auckland.stations.csv", "auckland"):
        assert typed("coverage", roads, "--stations", stations, "--siren", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told["stations"] == 14
        assert told["mean_response_min"] < 15


@pytest.mark.parametrize(("where", "way"), [("edge:2,3,0", "round"), ("ref:G320@0", None), ("ref:G320@180", "free")])
def test_a_road_is_closed_by_its_name_in_one_direction(
    town: Path, where: str, way: str | None, capsys: pytest.CaptureFixture[str]
):
    """North on the eastern side: that arc closed, all arcs to the north closed, all to the south closed."""
    asked = ("route", town, "--from", "31.002,121.01", "--to", "31.008,121.01", "--json")
    assert typed(*asked) == 0
    free = json.loads(capsys.readouterr().out)
    assert typed(*asked, "--close", where) == (0 if way else 2)
    told = capsys.readouterr()
    if way is None:
        assert f"{where} (closed by --close)" in told.err
        return
    found = json.loads(told.out)
    assert (found["eta_s"] > 5 * free["eta_s"]) if way == "round" else (found["eta_s"] == free["eta_s"])
    assert [one["closure"] for one in found["avoids"]] == ([where] if way == "round" else [])


def test_a_profile_and_its_switches_are_named_in_the_answer(town: Path, capsys: pytest.CaptureFixture[str]):
    asked = ("route", town, "--from", "31.0,121.002", "--to", "31.0,121.008", "--json")
    assert typed(*asked, "--profile", "ambulance", "--bus-lanes", "--no-gates", "--weight", "4.6") == 0
    assert json.loads(capsys.readouterr().out)["profile"] == "ambulance+bus_lanes+no_gates+weight_t=4.6"
    assert typed(*asked, "--siren") == 0
    assert json.loads(capsys.readouterr().out)["profile"] == "ambulance_siren"


@pytest.mark.parametrize("word", ["build", "info", "fetch", "route", "table", "reach", "coverage"])
def test_help_is_there_in_both_languages(word: str):
    said = {}
    for language in ("en", "zh"):
        command = [sys.executable, "-m", "aboard", "--lang", language, "roads", word, "--help"]
        said[language] = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert "--json" in said["en"] and "--json" in said["zh"]
    assert re.search("[一-鿿]{4}", said["zh"]) and not re.search("[一-鿿]", said["en"])
