"""Clients written for OSRM: the shapes of its documentation, its codes, its refusals."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from paper_towns import AT, Draw
from shapely import box

from casebook.access import Badge, Gate, Role, need
from casebook.door import badge_of, make_app
from casebook.place import Place
from routing.ground import route, table
from routing.osrm_api import MOST_DISTANCES, osrm_router
from routing.osrm_words import BadQuery, coordinates, decoded, encoded, simplified
from routing.profiles import AMBULANCE_SIREN, CAR
from routing.roads import Roadmap
from routing.routes_api import MOST_CELLS, Roads, RoadsNow
from routing.traffic import FREE_FLOW, Closure, Stretch

NODES = {1: (31.00, 121.00), 2: (31.00, 121.02), 3: (31.02, 121.02), 4: (31.02, 121.00), 5: (31.0, 121.04)}
NAMED = {"highway": "primary", "ref": "G320", "name": "亭枫公路", "name:en": "Tingfeng Road"}
WAYS = [(10, [1, 2, 3, 4, 1], NAMED), (11, [2, 5], {"highway": "secondary", "name:en": "East Road"})]
A, B, C = "121.002,31.0", "121.018,31.0", "121.02,31.01"


class Served:
    def __init__(self, roadmap: Roadmap) -> None:
        self.roadmap, self.traffic = roadmap, FREE_FLOW
        gate = Gate()
        self.token = gate.issue(Badge(Role.DISPATCHER, "desk"))

        def admit(request: Request) -> None:
            need(badge_of(gate, request), Role.DISPATCHER, what="routes")

        app = make_app("paper")
        app.include_router(osrm_router(Roads(roadmap, lambda at: RoadsNow(at or AT, self.traffic, "free")), admit))
        self.client = TestClient(app, raise_server_exceptions=False)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.client.get(f"/osrm/{path}", params=query, headers={"Authorization": f"Bearer {self.token}"})
        told = answer.json()
        assert answer.status_code == (200 if told["code"] == "Ok" else 400), "as OSRM: 200 or 400"
        return told

    def code(self, path: str, **query: Any) -> str:
        told = self.get(path, **query)
        assert told["code"] == "Ok" or told["message"]
        return told["code"]


@pytest.fixture
def served(draw: Draw) -> Served:
    return Served(draw(NODES, WAYS))


WAYPOINT = {"name", "location", "distance"}
ROUTE = {"distance", "duration", "geometry", "weight", "weight_name", "legs"}
LEG = {"distance", "duration", "weight", "summary", "steps"}
STEP = {"distance", "duration", "weight", "geometry", "name", "mode", "maneuver", "intersections", "driving_side"}
MANEUVER = {"type", "location", "bearing_before", "bearing_after"}
TYPES = {
    "turn", "new name", "depart", "arrive", "merge", "on ramp", "off ramp", "fork", "end of road", "continue",
    "roundabout", "rotary", "roundabout turn", "notification", "exit roundabout", "exit rotary",
}  # fmt: skip
MODIFIERS = {"uturn", "sharp right", "right", "slight right", "straight", "slight left", "left", "sharp left"}


def test_a_route_has_the_shape_of_osrms_documentation(served: Served):
    told = served.get(f"route/v1/driving/{A};{C}", steps="true", geometries="geojson", overview="full")
    assert [set(point) for point in told["waypoints"]] == [WAYPOINT, WAYPOINT]
    assert told["waypoints"][0] == {"name": "Tingfeng Road", "location": [121.002, 31.0], "distance": 0.0}
    (found,) = told["routes"]
    assert set(found) == ROUTE
    (leg,) = found["legs"]
    assert set(leg) == LEG
    for step in leg["steps"]:
        assert STEP <= set(step) <= STEP | {"ref"}
        assert MANEUVER <= set(step["maneuver"]) <= MANEUVER | {"modifier", "exit"}
        assert step["maneuver"]["type"] in TYPES
        assert step["maneuver"].get("modifier", "left") in MODIFIERS
        for crossing in step["intersections"]:
            assert len(crossing["bearings"]) == len(crossing["entry"])
    assert [step["maneuver"]["type"] for step in leg["steps"]] == ["depart", "turn", "arrive"]
    assert leg["steps"][1]["maneuver"] == {
        "type": "turn", "modifier": "left", "location": [121.02, 31.0], "bearing_before": 90, "bearing_after": 0,
    }  # fmt: skip
    assert leg["summary"] == "Tingfeng Road"


def test_times_and_lengths_are_those_of_the_house(served: Served):
    (found,) = served.get(f"route/v1/car/{A};{C}", overview="false")["routes"]
    house = route(served.roadmap, Place(31.0, 121.002), Place(31.01, 121.02), profile=CAR, at=AT)
    assert (found["duration"], found["distance"]) == (round(house.eta_s, 1), round(house.length_m, 1))
    assert "geometry" not in found
    (siren,) = served.get(f"route/v1/ambulance_siren/{A};{C}")["routes"]
    assert siren["duration"] < found["duration"]


def test_the_metres_to_the_door_are_not_in_the_time(served: Served):
    beside = served.get("route/v1/car/121.002,31.003;121.018,31.0")
    assert beside["waypoints"][0]["distance"] == pytest.approx(191, abs=2), "to the western road"
    assert beside["routes"][0]["legs"][0]["steps"] == []


def test_a_route_over_three_stops_has_two_legs_that_add_up(served: Served):
    (found,) = served.get(f"route/v1/car/{A};{B};{C}", steps="true")["routes"]
    assert len(found["legs"]) == 2
    assert found["duration"] == pytest.approx(sum(leg["duration"] for leg in found["legs"]), abs=0.11)
    for leg in found["legs"]:
        assert leg["distance"] == pytest.approx(sum(step["distance"] for step in leg["steps"]), abs=0.3)


@pytest.mark.parametrize("kind", ["polyline", "polyline6"])
def test_lines_come_encoded_as_asked(served: Served, kind: str):
    path = f"route/v1/car/{A};{C}"
    line = served.get(path, overview="full", geometries="geojson")["routes"][0]["geometry"]
    text = served.get(path, overview="full", geometries=kind)["routes"][0]["geometry"]
    assert line["type"] == "LineString"
    exact = {"polyline": 1e-5, "polyline6": 1e-6}[kind]
    assert [pytest.approx(point, abs=exact) for point in line["coordinates"]] == [list(p) for p in decoded(text, kind)]


def test_a_simplified_line_keeps_its_ends_and_loses_points(heidelberg: Roadmap):
    found = route(heidelberg, Place(49.41, 8.69), Place(49.35, 8.68), profile=CAR, at=AT)
    short = simplified(found.geometry)
    assert 2 < len(short) < len(found.geometry) / 2
    assert (short[0], short[-1]) == (found.geometry[0], found.geometry[-1])


def test_a_table_has_the_shape_of_osrms_documentation(served: Served):
    told = served.get(f"table/v1/driving/{A};{B};{C}", sources="0;2", destinations="1")
    assert [set(point) for point in told["sources"] + told["destinations"]] == [WAYPOINT] * 3
    assert "distances" not in told
    starts = [Place(31.0, 121.002), Place(31.01, 121.02)]
    house = table(served.roadmap, starts, [Place(31.0, 121.018)], profile=CAR, at=AT)
    assert told["durations"] == [[round(row[0] or 0, 1)] for row in house]


def test_a_table_of_all_pairs_with_distances(served: Served):
    told = served.get(f"table/v1/car/{A};{B}", annotations="duration,distance")
    assert [row[i] for i, row in enumerate(told["durations"])] == [0, 0]
    assert told["distances"][0][1] == pytest.approx(1_526, abs=3)
    assert set(served.get(f"table/v1/car/{A};{B}", annotations="distance")) >= {"distances"}


def test_a_pair_without_a_way_is_null_in_a_table_and_no_route_as_a_route(served: Served):
    bar = box(121.025, 30.999, 121.026, 31.001)
    assert served.code("route/v1/car/121.0,31.01;121.04,31.0") == "Ok"
    cut = [box(121.019, 31.009, 121.021, 31.011), box(121.009, 30.999, 121.011, 31.001)]
    for number, area in enumerate(cut):
        served.traffic = served.traffic.with_closure(Closure(str(number), Stretch(area=area), "flood", "desk", AT))
    assert served.code("route/v1/car/121.0,31.01;121.03,31.0") == "NoRoute"
    told = served.get("table/v1/car/121.0,31.01;121.03,31.0")
    assert told["durations"][0] == [0, None]
    served.traffic = FREE_FLOW.with_closure(Closure("end", Stretch(area=bar), "flood", "desk", AT))
    assert served.code("table/v1/car/121.0,31.01;121.03,31.0", annotations="distance") == "Ok"


def test_a_place_to_itself_departs_and_arrives(served: Served):
    told = served.get(f"route/v1/car/{A};{A}", steps="true", overview="full")
    (found,) = told["routes"]
    assert (found["duration"], found["distance"]) == (0, 0)
    assert [step["maneuver"]["type"] for step in found["legs"][0]["steps"]] == ["depart", "arrive"]
    assert len(decoded(found["geometry"])) == 2


def test_coordinates_may_come_as_an_encoded_line(served: Served):
    text = encoded([(121.002, 31.0), (121.018, 31.0)])
    plain = served.get(f"table/v1/car/{A};{B}")
    assert served.get(f"table/v1/car/polyline({quote(text, safe='')})")["durations"] == plain["durations"]
    assert served.get(f"table/v1/car/{A};{B}.json")["durations"] == plain["durations"]


def test_a_bearing_chooses_the_direction_of_setting_off(served: Served):
    east = served.get(f"route/v1/car/121.01,31.0;{A}", bearings="90,45;", steps="true")["routes"][0]
    west = served.get(f"route/v1/car/121.01,31.0;{A}", bearings="270,45;", steps="true")["routes"][0]
    assert west["distance"] < east["distance"]
    assert east["legs"][0]["steps"][0]["maneuver"]["bearing_after"] == 90


def test_what_is_not_offered_is_said_and_not_answered_as_if_it_had_been_heard(served: Served):
    assert served.get(f"route/v1/car/{A};{B}", annotations="true")["notes"] == [
        "annotations is not offered here and was ignored"
    ]
    assert "notes" not in served.get(f"route/v1/car/{A};{B}", annotations="false", generate_hints="false")


BAD = [
    ("match/v1/car/{A};{B}", {}, "InvalidService"),
    ("route/v2/car/{A};{B}", {}, "InvalidVersion"),
    ("route/v1/tank/{A};{B}", {}, "InvalidValue"),
    ("route/v1/car/{A}", {}, "InvalidOptions"),
    ("route/v1/car/{A};here", {}, "InvalidQuery"),
    ("route/v1/car/{A};1..2,3", {}, "InvalidQuery"),
    ("route/v1/car/{A};nan,31", {}, "InvalidQuery"),
    ("route/v1/car/31.0,121.002;{B}", {}, "InvalidValue"),
    ("route/v1/car/{A};{B}", {"overview": "some"}, "InvalidQuery"),
    ("route/v1/car/{A};{B}", {"geometries": "wkt"}, "InvalidQuery"),
    ("route/v1/car/{A};{B}", {"steps": "perhaps"}, "InvalidQuery"),
    ("route/v1/car/{A};{B}", {"colour": "red"}, "InvalidQuery"),
    ("route/v1/car/{A};{B}", {"exclude": "motorway"}, "InvalidValue"),
    ("route/v1/car/{A};{B}", {"bearings": "400,10;"}, "InvalidValue"),
    ("route/v1/car/{A};{B}", {"bearings": "90,10"}, "InvalidOptions"),
    ("route/v1/car/{A};{B}", {"radiuses": "5;far"}, "InvalidValue"),
    ("route/v1/car/{A};123.9,30.5", {}, "NoSegment"),
    ("route/v1/car/121.002,31.003;{B}", {"radiuses": "100;unlimited"}, "NoSegment"),
    ("route/v1/car/polyline(%7F)", {}, "InvalidQuery"),
    ("table/v1/car/{A};{B}", {"sources": "5"}, "InvalidOptions"),
    ("table/v1/car/{A};{B}", {"destinations": "first"}, "InvalidQuery"),
    ("table/v1/car/{A};{B}", {"annotations": "speed"}, "InvalidQuery"),
    ("table/v1/car/{A};{B}", {"scale_factor": "2"}, "InvalidValue"),
]


@pytest.mark.parametrize(("path", "query", "code"), BAD, ids=[f"{path}-{query}" for path, query, _ in BAD])
def test_bad_questions_are_refused_with_osrms_codes(served: Served, path: str, query: dict[str, str], code: str):
    assert served.code(path.format(A=A, B=B), **query) == code


def test_a_table_too_big_is_refused(served: Served):
    side = int(MOST_CELLS**0.5) + 1
    assert served.code(f"table/v1/car/{';'.join([A] * side)}") == "TooBig"
    side = int(MOST_DISTANCES**0.5) + 1
    assert served.code(f"table/v1/car/{';'.join([A] * side)}", annotations="distance") == "TooBig"


def test_without_a_token_nothing_is_answered(served: Served):
    assert served.client.get(f"/osrm/route/v1/car/{A};{B}").status_code == 401


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1), st.sampled_from([5, 6]))
def test_encoding_and_decoding_are_each_others_undoing(line: list[tuple[float, float]], places: int):
    kind = {5: "polyline", 6: "polyline6"}[places]
    back = decoded(encoded(line, kind), kind)
    for (lon, lat), (lon_back, lat_back) in zip(line, back, strict=True):
        assert (lon_back, lat_back) == pytest.approx((lon, lat), abs=0.51 * 10**-places)


def test_the_encoding_is_googles_own_example():
    """From the description of the format: three points and their text."""
    assert encoded([(-120.2, 38.5), (-120.95, 40.7), (-126.453, 43.252)]) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"


@given(st.text(max_size=40))
def test_any_text_as_coordinates_is_read_or_refused(text: str):
    try:
        places = coordinates(text)
    except BadQuery as wrong:
        assert wrong.code in ("InvalidQuery", "InvalidValue")
    else:
        assert places


def test_the_siren_is_a_profile_of_its_own_beside_the_car(served: Served):
    slow = served.get(f"table/v1/ambulance/{A};{C}")["durations"][0][1]
    fast = served.get(f"table/v1/{AMBULANCE_SIREN.name}/{A};{C}")["durations"][0][1]
    assert fast < slow
