"""The router asked over HTTP: the same answers as in the house, on today's traffic, refused in words."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from datetime import timedelta
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from paper_towns import AT, Draw
from shapely import box

from casebook.access import Badge, Gate, Role, need
from casebook.door import badge_of, make_app
from casebook.place import Place
from routing import routes_api
from routing.coverage import Station
from routing.ground import route, table
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap
from routing.routes_api import MOST_CELLS, MOST_STATIONS, Roads, RoadsNow, routes_router
from routing.traffic import FREE_FLOW, Closure, Stretch, Traffic

NODES = {1: (31.00, 121.00), 2: (31.00, 121.02), 3: (31.02, 121.02), 4: (31.02, 121.00)}
WAYS = [(10, [1, 2, 3, 4, 1], {"highway": "primary", "ref": "G320", "name": "亭枫公路", "name:en": "Tingfeng Road"})]
SOUTH = Closure("C1", Stretch(area=box(121.009, 30.999, 121.011, 31.001)), "flood", "dispatch", AT)
A, B = "31.0,121.002", "31.0,121.018"


class Served:
    """A router over one paper town, with a dial for its traffic."""

    def __init__(self, roadmap: Roadmap) -> None:
        self.roadmap, self.traffic, self.version = roadmap, FREE_FLOW, "free"
        gate = Gate()
        self.tokens = {role: gate.issue(Badge(role, role)) for role in Role}
        self.stations: tuple[Station, ...] = (Station("Fengjing", Place(31.0, 121.0)),)

        def admit(request: Request) -> None:
            need(badge_of(gate, request), Role.DISPATCHER, what="routes")

        self.app = make_app("paper")
        now = lambda at: RoadsNow(at or AT, self.traffic, self.version)  # noqa: E731
        self.app.include_router(routes_router(Roads(roadmap, now, lambda: self.stations), admit))
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def close(self, traffic: Traffic) -> None:
        self.traffic, self.version = traffic, f"v{traffic.version}"

    def get(self, word: str, role: Role | None = Role.DISPATCHER, **query: Any) -> Any:
        query = {name.rstrip("_"): value for name, value in query.items()}
        return self.client.get(f"/api/v1/routes/{word}", params=query, headers=self._badge(role))

    def post(self, word: str, body: Any) -> Any:
        return self.client.post(f"/api/v1/routes/{word}", json=body, headers=self._badge(Role.DISPATCHER))

    def _badge(self, role: Role | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}


@pytest.fixture
def served(draw: Draw) -> Served:
    return Served(draw(NODES, WAYS))


def test_a_route_is_the_one_of_the_house_with_its_steps_and_the_traffic_it_stood_on(served: Served):
    answer = served.get("route", from_=A, to=B)
    assert answer.status_code == 200
    told = answer.json()
    house = route(served.roadmap, Place(31.0, 121.002), Place(31.0, 121.018), profile=AMBULANCE_SIREN, at=AT)
    assert told["eta_s"] == round(house.eta_s, 1)
    assert told["profile"] == "ambulance_siren"
    assert told["traffic_version"] == "free"
    assert told["steps"][0]["en"] == "Head east on Tingfeng Road (G320)"
    assert told["steps"][0]["zh"] == "沿亭枫公路（G320）向东出发"
    assert (
        served.post("route", {"from": {"lat": 31.0, "lon": 121.002}, "to": {"lat": 31.0, "lon": 121.018}}).json()
        == told
    )


def test_a_closure_of_the_book_changes_the_answer_and_is_named(served: Served):
    free = served.get("route", from_=A, to=B).json()
    served.close(FREE_FLOW.with_closure(SOUTH))
    shut = served.get("route", from_=A, to=B).json()
    assert shut["eta_s"] > 2 * free["eta_s"]
    (avoided,) = shut["avoids"]
    assert {"closure": "C1", "reason": "flood", "author": "dispatch"}.items() <= avoided.items()
    assert shut["traffic_version"] == "v1"
    before = (AT - timedelta(hours=1)).isoformat()
    assert served.get("route", from_=A, to=B, at=before).json()["eta_s"] == free["eta_s"], "it was not closed then"


def test_a_route_as_geojson_for_a_map(served: Served):
    answer = served.get("route", from_=A, to=B, format="geojson", profile="car")
    assert answer.headers["content-type"] == "application/geo+json"
    told = answer.json()
    kinds = [feature["geometry"]["type"] for feature in told["features"]]
    assert kinds[0] == "LineString" and set(kinds[1:]) == {"Point"}
    assert (told["traffic_version"], told["profile"]) == ("free", "car")
    assert "OpenStreetMap" in told["attribution"]


def test_a_table_keeps_its_order_and_says_what_is_off_the_map(served: Served):
    told = served.get("table", from_=f"{A};{B}", to=f"{B};30.5,123.9;{A}").json()
    places = [Place(31.0, 121.002), Place(31.0, 121.018)]
    house = table(served.roadmap, places, places[::-1], profile=AMBULANCE_SIREN, at=AT)
    assert [[row[0], row[2]] for row in told["eta_s"]] == [[round(eta or 0, 1) for eta in row] for row in house]
    assert [row[1] for row in told["eta_s"]] == [None, None]
    assert told["off_the_map"] == {"from": [], "to": [1]}


def test_reach_gives_its_bands_and_both_directions(served: Served):
    told = served.get("reach", from_=A, minutes="1,0.5").json()
    bands = [one["properties"]["minutes"] for one in told["features"] if one["geometry"]["type"] != "Point"]
    assert bands == [1.0, 0.5], "the widest first"
    assert served.get("reach", from_=A, minutes="1", toward="true").json()["toward"] is True


def test_coverage_without_stations_asks_for_the_bases_of_the_vehicles(served: Served):
    told = served.get("coverage").json()
    assert [one["id"] for one in told["by_station"]] == ["Fengjing"]
    more = served.post("coverage", {"stations": [{"lat": 31.02, "lon": 121.0, "name": "north"}], "turnout_s": 0}).json()
    assert [one["id"] for one in more["by_station"]] == ["north"]
    sheet = served.get("coverage", format="csv")
    assert sheet.headers["aboard-traffic-version"] == "free"
    assert len(list(csv.DictReader(io.StringIO(sheet.text)))) == 4
    assert served.get("coverage", format="geojson").json()["features"][0]["properties"]["kind"] == "station"


def test_switches_change_the_vehicle_and_are_named(served: Served):
    told = served.get("route", from_=A, to=B, profile="car", bus_lanes="true", height_m=3.2).json()
    assert told["profile"] == "car+bus_lanes+height_m=3.2"


def test_the_map_is_described(served: Served):
    told = served.get("map").json()
    assert told["limits"]["cells"] == MOST_CELLS
    assert told["bounds"] == [121.0, 31.0, 121.02, 31.02]


@pytest.mark.parametrize(("role", "status"), [(None, 401), (Role.ED, 403), (Role.PARAMEDIC, 403), (Role.DIRECTOR, 200)])
def test_only_dispatch_and_director_may_ask(served: Served, role: Role | None, status: int):
    assert served.get("route", role, from_=A, to=B).status_code == status


BAD = [
    ("route", {"from_": A}, 422, "bad_field"),
    ("route", {"from_": "somewhere", "to": B}, 422, "bad_coordinates"),
    ("route", {"from_": "121.002,31.0", "to": B}, 422, "place_swapped"),
    ("route", {"from_": "nan,121", "to": B}, 422, "bad_field"),
    ("route", {"from_": "inf,121", "to": B}, 422, "bad_field"),
    ("route", {"from_": "95,121", "to": B}, 422, "bad_field"),
    ("route", {"from_": "east,121", "to": B}, 422, "bad_field"),
    ("route", {"from_": f"{A};{B}", "to": B}, 422, "bad_field"),
    ("route", {"from_": "30.5,123.9", "to": B}, 409, "off_the_map"),
    ("route", {"from_": A, "to": B, "profile": "tank"}, 422, "no_profile"),
    ("route", {"from_": A, "to": B, "at": "noon"}, 422, "bad_field"),
    ("route", {"from_": A, "to": B, "at": "2021-04-18T09:30:00"}, 422, "bad_field"),
    ("route", {"from_": A, "to": B, "heading_deg": 400}, 422, "bad_field"),
    ("route", {"from_": A, "to": B, "format": "shapefile"}, 422, "bad_field"),
    ("route", {"from_": A, "to": B, "colour": "red"}, 422, "bad_field"),
    ("route", {"from_": A, "to": B, "height_m": -3}, 422, "bad_switch"),
    ("route", {"from_": A, "to": B, "contraflow_m": "nan"}, 422, "bad_switch"),
    ("table", {"from_": "", "to": B}, 422, "bad_field"),
    ("reach", {"from_": A}, 422, "bad_field"),
    ("reach", {"from_": A, "minutes": "0"}, 422, "bad_minutes"),
    ("reach", {"from_": A, "minutes": "600"}, 422, "bad_minutes"),
    ("reach", {"from_": A, "minutes": "nan"}, 422, "bad_minutes"),
    ("reach", {"from_": "30.5,123.9", "minutes": "5"}, 409, "off_the_map"),
    ("coverage", {"stations": "30.5,123.9"}, 422, "no_stations"),
    ("coverage", {"turnout_s": -5}, 422, "bad_field"),
    ("coverage", {"within_min": "0"}, 422, "bad_minutes"),
    ("coverage", {"within_min": "nan"}, 422, "bad_minutes"),
    ("coverage", {"within_min": ",".join(map(str, range(1, 50)))}, 422, "bad_minutes"),
    ("route", {"from_": A, "to": B, "at": "0001-01-01T00:00:00+14:00"}, 422, "bad_field"),
    ("route", {"from_": A, "to": B, "at": "9999-12-31T23:59:59Z"}, 422, "bad_field"),
]


@pytest.mark.parametrize(("word", "query", "status", "key"), BAD, ids=[f"{word}-{query}" for word, query, *_ in BAD])
def test_what_cannot_be_meant_is_refused_in_both_languages(
    served: Served, word: str, query: dict[str, Any], status: int, key: str
):
    answer = served.get(word, **query)
    told = answer.json()
    assert (answer.status_code, told["error"]) == (status, key)
    assert told["zh"] and told["en"] and "?" not in told["en"]


def test_swapped_coordinates_are_hinted_at(served: Served):
    assert "31,121.002" in served.get("route", from_="121.002,31.0", to=B).json()["en"]


@pytest.mark.parametrize("body", ["[]", "{", '{"from": null}', '{"from": {"lat": NaN, "lon": 1}}', "null", '"' * 9])
def test_a_body_that_is_no_question_is_refused(served: Served, body: str):
    headers = {"Authorization": f"Bearer {served.tokens[Role.DISPATCHER]}"}
    answer = served.client.post("/api/v1/routes/route", content=body, headers=headers)
    assert answer.status_code == 422


def test_a_question_of_too_many_is_refused_before_it_costs(served: Served):
    spot = {"lat": 31.0, "lon": 121.01}
    answer = served.post("table", {"from": [spot] * 101, "to": [spot] * 100})
    assert (answer.status_code, answer.json()["error"]) == (422, "too_many")
    answer = served.post("coverage", {"stations": [spot] * (MOST_STATIONS + 1)})
    assert (answer.status_code, answer.json()["facts"]["most"]) == (422, MOST_STATIONS)
    answer = served.post("table", {"from": [spot | {"name": "x" * 2_000_000}], "to": [spot]})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_json")


def test_no_way_because_of_a_closure_is_said_with_its_name(served: Served):
    both = box(121.009, 30.999, 121.011, 31.021)  # the southern and the northern road
    served.close(FREE_FLOW.with_closure(Closure("C2", Stretch(area=both), "landslide", "dispatch", AT)))
    answer = served.get("route", from_="31.002,121.0", to="31.018,121.02")
    assert (answer.status_code, answer.json()["error"]) == (409, "no_route")
    assert "C2 (landslide)" in answer.json()["en"]


def test_from_a_place_to_itself_takes_no_time(served: Served):
    told = served.get("route", from_=A, to=A).json()
    assert told["eta_s"] == 0
    assert [step["kind"] for step in told["steps"]] == ["depart", "arrive"]


async def test_an_answer_that_takes_long_keeps_nobody_waiting(served: Served, monkeypatch: pytest.MonkeyPatch):
    """While a route is computed in its thread, the loop serves another request to its end."""
    import httpx

    begun, go_on = threading.Event(), threading.Event()

    def slow(*asked: Any, **ask: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return route(*asked, **ask)

    monkeypatch.setattr(routes_api, "route", slow)
    headers = {"Authorization": f"Bearer {served.tokens[Role.DISPATCHER]}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served.app), base_url="http://hub") as client:
        asked = asyncio.create_task(
            client.get("/api/v1/routes/route", params={"from": A, "to": B}, headers=headers, timeout=60)
        )
        assert await asyncio.to_thread(begun.wait, 30)
        other = await client.get("/api/v1/routes/map", headers=headers)
        assert other.status_code == 200 and not asked.done()
        go_on.set()
        assert (await asked).status_code == 200


def test_every_question_is_described_in_the_open_api(served: Served):
    paths = served.app.openapi()["paths"]
    body = paths["/api/v1/routes/route"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "RouteAsked" in str(body)
    assert {path.rsplit("/", 1)[1] for path in paths} == {"route", "table", "reach", "coverage", "map"}
