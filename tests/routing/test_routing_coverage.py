"""Who is first at every road node, and where nobody comes in time."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from paper_towns import AT, Draw

from casebook.errors import RefusedInput
from casebook.place import Place
from routing.coverage import SHANGHAI, Coverage, Station, coverage
from routing.ground import table
from routing.profiles import AMBULANCE_SIREN, CAR
from routing.roads import Roadmap

LAT, LON = 31.0, 121.0
#: A straight road of ten arcs, 0.02 degrees (1.9 km) each, at 40 km/h: 2.9 min an arc.
NODES = {number: (LAT, LON + 0.02 * number) for number in range(11)}
ROAD = {"highway": "primary", "maxspeed": "50", "name": "长路", "name:en": "Long Road"}


@pytest.fixture
def road(draw: Draw) -> Roadmap:
    ways = [(1, list(range(8)), ROAD), (2, [7, 8, 9, 10], ROAD | {"name": "远路", "name:en": "Far Road"})]
    return draw(NODES, ways)


def at_node(number: int, id: str = "") -> Station:
    return Station(id or f"S{number}", Place(LAT, LON + 0.02 * number))


def cover(roadmap: Roadmap, *stations: Station, **ask) -> Coverage:
    return coverage(roadmap, stations, profile=ask.pop("profile", CAR), at=AT, **ask)


def test_each_node_has_its_first_and_its_second_station(road: Roadmap):
    found = cover(road, at_node(1), at_node(8), at_node(5))
    rows = list(csv.DictReader(io.StringIO(found.nearest_csv())))
    who = {int(row["node"]): (row["station"], row["backup"]) for row in rows}
    assert who == dict.fromkeys((0, 1, 2), ("S1", "S5")) | {3: who[3]} | dict.fromkeys((4,), ("S5", "S1")) | {
        5: who[5], 6: ("S5", "S8"), 7: ("S8", "S5"), 8: ("S8", "S5"), 9: ("S8", "S5"), 10: ("S8", "S5")
    }  # fmt: skip
    assert {who[3][0], who[3][1]} == {"S1", "S5"}, "as near to both"
    assert who[5][0] == "S5"
    at_five = next(row for row in rows if row["node"] == "5")
    assert float(at_five["response_s"]) == 50.0, "only the turnout"


def test_a_response_is_turnout_and_drive(road: Roadmap):
    found = cover(road, at_node(0), turnout_s=90)
    (drive_s,) = table(road, [at_node(0).place], [at_node(10).place], profile=CAR, at=AT)[0]
    assert drive_s is not None
    row = road.network.node_id.tolist().index(10)
    assert found.response_s[row] == pytest.approx(90 + drive_s, abs=0.01)


def test_shares_of_nodes_and_of_road_length(road: Roadmap):
    found = cover(road, at_node(0), turnout_s=0, within_min=[8, 60])
    driven = 8 / (0.02 * 111_195.08 * np.cos(np.radians(LAT)) / (40 / 3.6) / 60)  # arcs in 8 minutes: 2.8
    nodes, length = found.shares[8]
    assert nodes == pytest.approx(3 / 11)
    # Outward 2.8 arcs; and of the arcs towards the station, entered at nodes 1 and 2, one arc less.
    assert length == pytest.approx((driven + driven - 1) / 20, abs=0.001)
    assert found.shares[60] == (1.0, 1.0)


def test_where_nobody_comes_in_time_is_named(road: Roadmap):
    (spot,) = cover(road, at_node(10), turnout_s=0).weak_spots
    assert (spot.name_en, spot.name_zh, spot.station) == ("Long Road", "长路", "S10")
    assert spot.place.lon == pytest.approx(LON)
    assert spot.response_s is not None and spot.response_s > 15 * 60
    (far,) = cover(road, at_node(1), turnout_s=60).weak_spots
    assert far.name_en == "Far Road"
    assert cover(road, at_node(1), at_node(5), at_node(9)).weak_spots == ()


def test_another_station_never_makes_a_response_longer(road: Roadmap):
    before, after = cover(road, at_node(2)), cover(road, at_node(2), at_node(9))
    assert (after.response_s <= before.response_s).all()
    assert after.mean_response_s < before.mean_response_s
    assert after.mean_radius_km < before.mean_radius_km
    assert (after.backup_s >= after.response_s).all()


def test_the_radius_is_that_of_equal_circles(road: Roadmap):
    found = cover(road, at_node(2), at_node(9))
    assert found.mean_radius_km == pytest.approx((found.served_km2 / np.pi / 2) ** 0.5)
    assert 15 <= found.served_km2 <= 25, "a road of 19 km, one cell of 1 km beside the other"


def test_the_figures_stand_beside_the_published_targets(road: Roadmap):
    facts = cover(road, at_node(2), at_node(9)).as_facts()
    assert {one["figure"]: one["most"] for one in facts["targets"]} == {"mean_radius_km": 3.5, "mean_response_min": 12}
    assert [one["met"] for one in facts["targets"]] == [facts[t.figure] <= t.most for t in SHANGHAI]
    assert all(one["source"] for one in facts["targets"])


def test_a_station_off_the_map_is_told_and_the_others_count(road: Roadmap):
    found = cover(road, at_node(2), Station("sea", Place(30.0, 123.0)))
    assert [station.id for station in found.left_out] == ["sea"]
    assert found.as_facts()["left_out"] == ["sea"]
    assert (found.first == 0).all()


@pytest.mark.parametrize("stations", [[], [Station("sea", Place(30.0, 123.0))]])
def test_no_station_on_the_map_is_refused(road: Roadmap, stations: list[Station]):
    with pytest.raises(RefusedInput) as refused:
        cover(road, *stations)
    assert refused.value.key == "no_stations"


@pytest.mark.parametrize("turnout_s", [-1.0, float("nan"), float("inf")])
def test_a_turnout_that_means_nothing_is_refused(road: Roadmap, turnout_s: float):
    with pytest.raises(RefusedInput):
        cover(road, at_node(2), turnout_s=turnout_s)


def auckland_stations(shared_data: Path) -> list[Station]:
    lines = (shared_data / "roads" / "auckland.stations.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [Station(row["index"], Place(float(row["y"]), float(row["x"]))) for row in csv.DictReader(lines)]


def test_on_auckland_the_nearest_station_is_the_tables_smallest(auckland: Roadmap, shared_data: Path):
    stations = auckland_stations(shared_data)
    found = cover(auckland, *stations, profile=AMBULANCE_SIREN, turnout_s=0)
    assert len(found.stations) == len(stations) and not found.left_out
    rows = np.random.default_rng(3).choice(auckland.network.nodes, 80, replace=False)
    net = auckland.network
    places = [Place(float(net.lat[row]), float(net.lon[row])) for row in rows]
    times = table(auckland, [one.place for one in stations], places, profile=AMBULANCE_SIREN, at=AT)
    best = [min(t for t in column if t is not None) for column in zip(*times, strict=True)]
    agree = [abs(found.response_s[row] - least) < 0.5 for row, least in zip(rows, best, strict=True)]
    assert np.mean(agree) > 0.9, "but where a node's place is joined on another road that meets there"
    assert found.shares[8.0] < found.shares[12.0] < found.shares[15.0]
    assert found.weak_spots[0].name_en
