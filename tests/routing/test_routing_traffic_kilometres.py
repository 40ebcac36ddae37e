"""Closures by kilometre posts and by edge, works to come, and how an answer says what it avoids."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_towns import AT, osm_xml

from casebook.errors import RefusedInput
from casebook.place import Place
from routing.ground import route, table
from routing.profiles import AMBULANCE_SIREN, CAR
from routing.roads import Roadmap, load_roads
from routing.roads.network import CONTRAFLOW
from routing.traffic import FREE_FLOW, Closure, Stretch, Traffic

# A motorway of 10 km with both carriageways and a post each km (30 in the west), an old road from end to end.
KM_DEG = 0.0105  # of longitude at 31 N, about 1 km
EAST = {100 + n: (31.0, 121 + KM_DEG * n / 4) for n in range(41)}
WEST = {200 + n: (31.0004, 121 + KM_DEG * (40 - n) / 4) for n in range(41)}
POSTS = {300 + km: (31.0002, 121 + KM_DEG * km) for km in range(11)}
OLD = {400: (30.98, 121.05)}
MOTORWAY = {"highway": "motorway", "ref": "G60", "oneway": "yes"}
WAYS = [
    (1, list(EAST), MOTORWAY),
    (2, list(WEST), MOTORWAY),
    (3, [140, 200], {"highway": "primary", "oneway": "no"}),
    (4, [240, 100], {"highway": "primary", "oneway": "no"}),
    (5, [100, 400, 140], {"highway": "tertiary", "ref": "X1"}),
]
START, END = Place(31.0, 121.0), Place(31.0, 121 + KM_DEG * 10)


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Roadmap:
    tags = {id: {"highway": "milestone", "ref": "G60", "distance": str(id - 270)} for id in POSTS}
    file: Path = tmp_path_factory.mktemp("km") / "g60.osm"
    file.write_text(osm_xml(EAST | WEST | POSTS | OLD, WAYS, node_tags=tags), encoding="utf-8")
    return load_roads(file)


def closed(where: Stretch, **more) -> Closure:
    return Closure("works-1", where, "works", "dispatch", **({"since": AT} | more))


@given(a=st.floats(30, 40), b=st.floats(30, 40), bearing=st.sampled_from([None, 90.0, 270.0]))
def test_a_stretch_by_kilometre_lies_between_its_posts(roads: Roadmap, a: float, b: float, bearing: float | None):
    a, b = sorted((a, b))
    arcs = Stretch(ref="G60", km=(a, b), bearing_deg=bearing).arcs(roads)
    net = roads.network
    km = np.sort(30 + (np.column_stack((net.lon[net.tail], net.lon[net.head])) - 121) / KM_DEG, axis=1)
    assert len(arcs)
    assert (km[arcs, 1] >= a - 0.02).all() and (km[arcs, 0] <= b + 0.02).all()
    inside = net.where_tag("ref", {"G60"}) & (km[:, 0] >= a + 0.02) & (km[:, 1] <= b - 0.02)
    if bearing is not None:
        inside &= np.abs(net.bearing_deg() - bearing) < 45
    assert set(np.flatnonzero(inside).tolist()) <= set(arcs.tolist())


@pytest.mark.parametrize(
    "where", [{"ref": "G60", "km": (50.0, 60.0)}, {"ref": "G99", "km": (31.0, 32.0)}, {"ref": "X1", "km": (1.0, 2.0)}]
)
def test_kilometres_that_are_not_there_are_refused(roads: Roadmap, where: dict):
    with pytest.raises(RefusedInput) as refused:
        Stretch(**where).arcs(roads)
    assert refused.value.said("zh") != refused.value.said("en")


@pytest.mark.parametrize("km", [(38.0, 31.0), (float("nan"), 31.0)])
def test_posts_must_be_in_order_and_belong_to_a_road(km: tuple[float, float]):
    with pytest.raises(RefusedInput, match="Kilometres"):
        Stretch(ref="G60", km=km)
    with pytest.raises(RefusedInput):
        Stretch(km=(31.0, 32.0))


def test_the_way_goes_round_and_says_what_it_avoids(roads: Roadmap):
    where = Stretch(ref="G60", km=(33.0, 36.0), bearing_deg=90.0)
    traffic = FREE_FLOW.with_closure(closed(where, since=AT - timedelta(minutes=18)))
    free = route(roads, START, END, profile=CAR, at=AT)
    found = route(roads, START, END, profile=CAR, traffic=traffic, at=AT)
    assert found.eta_s > free.eta_s
    (avoided,) = found.avoids
    assert avoided.said("en", AT) == "avoids G60 km 33-36 (eastbound), closed by dispatch 09:12: works"
    assert avoided.said("zh", AT) == "绕开 G60 33-36 公里（东向），dispatch 09:12 封闭：works"
    assert "2021-04-18 09:12" in avoided.said("en", AT + timedelta(days=2))
    assert found.as_facts()["avoids"][0]["zh"] == avoided.said("zh", AT)
    back = route(roads, END, START, profile=CAR, traffic=traffic, at=AT)
    assert not back.avoids and back.eta_s == route(roads, END, START, profile=CAR, at=AT).eta_s


def test_works_to_come_count_from_their_beginning_and_for_whoever_would_meet_them(roads: Roadmap):
    hour = timedelta(hours=1)
    where = Stretch(ref="G60", km=(38.0, 39.0), bearing_deg=90.0)
    traffic = FREE_FLOW.with_closure(closed(where, since=AT + hour, until=AT + 2 * hour))

    def eta_s(at) -> float | None:
        return table(roads, [START], [END], profile=CAR, traffic=traffic, at=at)[0][0]

    free_s = eta_s(AT)
    assert free_s is not None and free_s < 1200
    met, during, after = eta_s(AT + hour - timedelta(seconds=60)), eta_s(AT + 1.5 * hour), eta_s(AT + 2 * hour)
    assert met == during and during is not None and during > free_s
    assert after == free_s


def test_what_closes_a_one_way_road_closes_it_against_the_traffic_too(roads: Roadmap):
    for where in (
        Stretch(ref="G60", bearing_deg=90.0),
        Stretch(ref="G60", km=(33.0, 36.0), bearing_deg=90.0),
        Stretch(edges=frozenset({(110, 111, 0)})),
    ):
        arcs = where.arcs(roads)
        net = roads.network
        against = np.flatnonzero(net.access == CONTRAFLOW)
        pairs = {(int(net.head[arc]), int(net.tail[arc])) for arc in arcs}
        twins = {arc for arc in against.tolist() if (int(net.tail[arc]), int(net.head[arc])) in pairs}
        assert twins <= set(arcs.tolist())


def test_a_hundred_closures_of_one_edge_each_mean_a_hundred_edges(roads: Roadmap):
    net = roads.network
    rows = np.flatnonzero(net.access != CONTRAFLOW)[:60]
    closures = tuple(
        Closure(f"c{row}", Stretch(edges=frozenset({roads.edge_of(int(row))})), "x", "me", AT) for row in rows
    )
    holding = Traffic(1, closures).holding(AT)
    changed = holding.changed_arcs(FREE_FLOW.holding(AT), roads)
    usable, kph = np.ones(net.arcs, np.bool_), [np.full(net.arcs, 50.0) for _ in range(3)]
    holding.apply(roads, kph, usable)
    assert set(rows.tolist()) <= set(np.flatnonzero(~usable).tolist())
    assert changed is None or set(changed.tolist()) == set(np.flatnonzero(~usable).tolist())


def test_a_closure_by_kilometres_survives_json():
    traffic = FREE_FLOW.with_closure(closed(Stretch(ref="G60", km=(33.0, 36.5), bearing_deg=90.0)))
    assert Traffic.read(json.loads(json.dumps(traffic.as_facts()))) == traffic


def test_a_siren_opens_no_closure(roads: Roadmap):
    both = FREE_FLOW.with_closure(closed(Stretch(ref="G60"))).with_closure(
        Closure("old", Stretch(ref="X1"), "flood", "dispatch", AT)
    )
    assert table(roads, [START], [END], profile=AMBULANCE_SIREN, traffic=both, at=AT) == [[None]]
