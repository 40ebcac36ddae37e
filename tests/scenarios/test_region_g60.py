"""The G60 drill on its road file: the published clock comes out of explicit terms, and the README's times are true."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from region_stage import FOLDER, assumptions, load
from shapely import Polygon, box

from routing.air import AirTimes, leg_terms, to_the_door_terms, total_s
from routing.ground import Route, route
from routing.profiles import AMBULANCE_SIREN, CAR, Profile
from routing.roads import Roadmap, load_roads
from routing.traffic import FREE_FLOW, Closure, Slowdown, Stretch, Traffic
from scenarios.region import Region

AT = datetime(2023, 9, 1, 1, 30, tzinfo=UTC)
POST, CRASH, LANDING = "fengjing_service_area_jiashan_bound", "g60_crash_site", "fengjing_service_area"


@pytest.fixture(scope="module")
def region() -> Region:
    return load("yangtze_delta")


@pytest.fixture(scope="module")
def roads(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Roadmap:
    return load_roads(region.roads, cache=tmp_path_factory.mktemp("cache"), accuracy_m=region.accuracy_m)


@cache
def works() -> Traffic:
    told = assumptions()["closure"]
    where = Stretch(Polygon(told["polygon"]), ref=told["ref"], bearing_deg=told["bearing_deg"])
    return Traffic().with_closure(Closure("g60_works", where, told["reason"], "director", AT))


def jammed(road_kph: float, expressway_kph: float) -> Traffic:
    """The assumed slowdowns, at other speeds."""
    traffic = works()
    for one in assumptions()["slowdowns"]:
        area = box(*one["box"]) if "box" in one else Polygon(one["polygon"])
        kph = expressway_kph if one["speed_kph"] == 50 else road_kph
        where = Stretch(area, ref=one.get("ref"))
        slow = Slowdown(one["id"], where, "diverted", "director", AT, speed_kph=kph, source="congestion")
        traffic = traffic.with_slowdown(slow)
    return traffic


@pytest.fixture(scope="module")
def drive(region: Region, roads: Roadmap):
    def drive(start: str, end: str, traffic: Traffic = FREE_FLOW, profile: Profile = AMBULANCE_SIREN) -> Route:
        return route(roads, region.places[start], region.places[end], profile=profile, traffic=traffic, at=AT)

    return drive


def seconds(name: str) -> float:
    hours, minutes, rest = assumptions()["clock"][name]["at"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


def refs(way: Route) -> set[str]:
    return {ref for leg in way.legs for ref in leg.ref.split(";") if ref}


def test_the_way_from_the_post_to_the_crash_keeps_to_the_jiashan_bound_g60(drive):
    way = drive(POST, CRASH, works())
    assert refs(way) == {"G60"}
    assert 4500 < way.length_m < 5500


def test_the_ambulance_turns_at_the_median_opening_and_reaches_the_landing_point_before_the_works(drive):
    way = drive(CRASH, LANDING, works())
    assert [leg.ref or leg.highway for leg in way.legs if leg.highway != "off_road"] == [
        "G60", "service", "G60", "service",
    ]  # fmt: skip


def test_a_car_may_not_turn_there_and_goes_by_jiashan(drive):
    assert drive(CRASH, LANDING, works(), profile=CAR).length_m > 20_000


def test_with_the_works_nobody_gets_from_fengjing_to_songjiang_on_the_g60(drive, roads: Roadmap):
    free, closed = drive("fengjing_interchange", "sgh_south"), drive("fengjing_interchange", "sgh_south", works())
    g60_m = sum(leg.length_m for leg in free.legs if leg.ref == "G60")
    assert g60_m > 25_000
    assert not any(leg.ref == "G60" for leg in closed.legs)
    assert closed.eta_s > free.eta_s
    assert [avoided.closure for avoided in closed.avoids] == ["g60_works"]


def test_the_works_close_one_carriageway_only(drive):
    assert drive("sgh_south", CRASH, works()).eta_s == drive("sgh_south", CRASH).eta_s


def test_the_closed_carriageway_is_the_songjiang_bound_g60_and_nothing_else(roads: Roadmap):
    (closure,) = works().closures
    arcs = closure.where.arcs(roads)
    network = roads.network
    assert len(arcs) > 10
    assert 24_000 < network.length_m[arcs].sum() < 30_000
    assert all(network.lon[network.head[arc]] > network.lon[network.tail[arc]] for arc in arcs)
    assert {network.columns["highway"][int(network.way[arc])] for arc in arcs} == {"motorway"}


def test_slowdowns_by_area_touch_ordinary_roads_only(roads: Roadmap):
    network = roads.network
    for one in assumptions()["slowdowns"]:
        if "polygon" in one:
            arcs = Stretch(Polygon(one["polygon"])).arcs(roads)
            classes = {network.columns["highway"][int(network.way[arc])] for arc in arcs}
            assert classes
            assert not classes & {"motorway", "motorway_link"}, one["id"]


def test_the_published_clock_comes_out(drive, region: Region):
    """9:35 first data, 9:45 at Fengjing, 9:58 at the door; the ground run needs an hour, half an hour more."""
    times, aircraft = AirTimes(), region.aircraft["rescue_helicopter"]
    site, pad = next(site for site in region.sites if site.id == LANDING), region.pads["sgh_south"]
    on_scene = seconds("unit_en_route") + drive(POST, CRASH, works()).eta_s
    assert on_scene == pytest.approx(seconds("on_scene"), abs=2)
    assert on_scene < seconds("first_data") <= 300
    rolling = seconds("left_scene") + drive(CRASH, LANDING, works()).eta_s
    assert rolling == pytest.approx(seconds("at_landing_site"), abs=2)
    ready = max(0.0, seconds("standby_order") + times.on_standby_takeoff_s - seconds("air_tasked"))
    there = seconds("air_tasked") + ready + total_s(leg_terms(region.places["sgh_south_pad"], site.place, 252.0, times))
    assert there == pytest.approx(seconds("helicopter_there"), abs=2)
    meet = max(rolling, there)
    assert meet == pytest.approx(15 * 60, abs=2 * 60)
    door = meet + total_s(to_the_door_terms(aircraft, site, pad, times))
    assert door == pytest.approx(seconds("door"), abs=2)
    assert door == pytest.approx(28 * 60, abs=3 * 60)
    ground = seconds("left_scene") + drive(CRASH, "sgh_south", jammed(25, 50)).eta_s
    assert ground >= 58 * 60
    assert ground - door >= 30 * 60


def readme_rows() -> dict[str, float]:
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \|$", (FOLDER / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {name: float(minutes) for name, minutes in rows}


def test_the_readme_tells_the_computed_minutes(drive, region: Region):
    site, pad = next(site for site in region.sites if site.id == LANDING), region.pads["sgh_south"]
    by_air = total_s(to_the_door_terms(region.aircraft["rescue_helicopter"], site, pad, AirTimes()))
    to_door: dict[str, Any] = {
        "works off": FREE_FLOW,
        "works, empty roads": works(),
        "works, congestion 35 / 70 km/h": jammed(35, 70),
        "works, congestion 30 / 60 km/h": jammed(30, 60),
        "works, congestion 25 / 50 km/h (the drill's)": jammed(25, 50),
        "works, congestion 20 / 40 km/h": jammed(20, 40),
    }
    computed = {
        "post at the service area to the crash": drive(POST, CRASH, works()).eta_s,
        "Xinbang sub-station to the crash": drive("xinbang_station", CRASH, works()).eta_s,
        "crash to the landing point, over the median opening": drive(CRASH, LANDING, works()).eta_s,
        "crash to the landing point without siren, no opening": drive(CRASH, LANDING, works(), profile=CAR).eta_s,
        "landing point to the trauma bay by air, loading included": by_air,
    } | {
        f"crash to the trauma centre, {name}": drive(CRASH, "sgh_south", traffic).eta_s
        for name, traffic in to_door.items()
    }
    left, door = seconds("left_scene"), seconds("door")
    computed |= {
        "helicopter from the landing point": door,
        "by road, works off": left + drive(CRASH, "sgh_south").eta_s,
        "by road, works, congestion 30 / 60 km/h": left + drive(CRASH, "sgh_south", jammed(30, 60)).eta_s,
        "by road, works, congestion 25 / 50 km/h (the drill's)": left + drive(CRASH, "sgh_south", jammed(25, 50)).eta_s,
    }
    assert readme_rows() == {name: pytest.approx(s / 60, abs=0.0501) for name, s in computed.items()}
