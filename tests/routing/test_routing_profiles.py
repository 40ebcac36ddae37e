"""Who may drive where: switches of a vehicle on one topology."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from paper_towns import AT, on_edge, osm_xml

from casebook.errors import NoAnswer, RefusedInput
from routing.costs import costs_for
from routing.free_flow import free_flow
from routing.ground import Route, route
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, CAR, PROFILES, Profile, get_profile
from routing.roads import Roadmap, load_roads
from routing.roads.network import BUS, CONTRAFLOW, EMERGENCY, GATE
from routing.speeds import CONTRAFLOW_KPH, GATE_KPH
from routing.topology import topology_of

# 1-2-3-4 along the south, 5-6 in the north, joined 1-5, 6-4: the long way round. Between 2 and 3 lies what is special.
NODES = {
    1: (31.00, 121.00),
    2: (31.00, 121.01),
    3: (31.00, 121.012),
    4: (31.00, 121.022),
    5: (31.02, 121.00),
    6: (31.02, 121.022),
    7: (31.00, 121.011),
    8: (30.99, 121.01),
    9: (30.99, 121.012),
}
STREET = {"highway": "primary", "maxspeed": "60"}
ROUND = [(1, [1, 2], STREET), (2, [3, 4], STREET), (3, [1, 5, 6, 4], STREET)]
ROUND += [(5, [2, 8], STREET), (6, [3, 9], STREET)]  # so that 2 and 3 are junctions


@pytest.fixture
def town(tmp_path: Path):
    def town(special: dict[str, str], node_tags: dict | None = None) -> Roadmap:
        file = tmp_path / "town.osm"
        ways = [*ROUND, (4, [2, 7, 3], STREET | special)]
        file.write_text(osm_xml(NODES, ways, node_tags=node_tags), encoding="utf-8")
        return load_roads(file, country="CN")

    return town


def drive(roads: Roadmap, profile: Profile) -> Route:
    return route(roads, on_edge(roads, 1, 2, 0.5), on_edge(roads, 3, 4, 0.5), profile=profile, at=AT)


def straight(roads: Roadmap, profile: Profile) -> bool:
    return drive(roads, profile).length_m < 2500


def test_a_bus_lane_is_for_the_siren_and_for_whom_it_is_switched_on(town):
    roads = town({"highway": "busway"})
    assert {name: straight(roads, profile) for name, profile in PROFILES.items()} == {
        "car": False, "ambulance": False, "ambulance_siren": True,
    }  # fmt: skip
    assert straight(roads, AMBULANCE.with_bus_lanes())
    assert not straight(roads, AMBULANCE_SIREN.with_bus_lanes(False))


def test_a_gate_is_for_the_siren_and_for_whom_it_is_switched_on_and_takes_its_time(town):
    roads = town({"highway": "service"}, {7: {"barrier": "lift_gate", "emergency": "yes"}})
    assert not straight(roads, CAR)
    assert straight(roads, AMBULANCE_SIREN)
    assert straight(roads, AMBULANCE.with_gates())
    through = next(leg for leg in drive(roads, AMBULANCE.with_gates()).legs if leg.highway == "service")
    assert through.length_m / through.seconds * 3.6 == pytest.approx(GATE_KPH, rel=0.01)


def test_against_a_one_way_road_nobody_drives_unless_the_stretch_is_short_enough(town):
    roads = town({"oneway": "-1"})  # 3 -> 2 only, 190 m from junction to junction
    assert not any(straight(roads, profile) for profile in PROFILES.values())
    assert straight(roads, AMBULANCE_SIREN.with_contraflow(2500))
    assert not straight(roads, AMBULANCE_SIREN.with_contraflow(100))
    assert not straight(roads, AMBULANCE_SIREN.with_contraflow(2500).with_contraflow(0))


def test_against_the_traffic_one_is_slow(town):
    roads = town({"oneway": "-1"})
    costs = costs_for(roads, profile=AMBULANCE_SIREN.with_contraflow(2500))
    arcs = [arc for arc in range(roads.network.arcs) if roads.network.access[arc] == CONTRAFLOW]
    kph = roads.network.length_m[arcs] * 3600 / costs.likely_ms[arcs]
    assert len(arcs) == 2
    assert kph.tolist() == pytest.approx([CONTRAFLOW_KPH] * 2, rel=0.001)


def test_a_high_vehicle_goes_round_a_low_bridge(town):
    roads = town({"maxheight": "2.8"})
    assert straight(roads, AMBULANCE_SIREN)  # no height stated: not looked at
    assert straight(roads, sized(AMBULANCE_SIREN, height_m=2.8))
    assert not straight(roads, sized(AMBULANCE_SIREN, height_m=2.9))
    heavy = town({"maxweight": "3.5 t", "maxwidth": "2.2"})
    assert not straight(heavy, sized(CAR, weight_t=4.0))
    assert not straight(heavy, sized(CAR, width_m=2.3))
    assert straight(heavy, sized(CAR, height_m=9.0))


def sized(profile: Profile, **size: float) -> Profile:
    return replace(profile, **size)


def test_a_switch_changes_weights_and_never_the_topology(town):
    roads = town({"oneway": "-1"})
    one, other = (costs_for(roads, profile=profile) for profile in (CAR, AMBULANCE_SIREN.with_contraflow(500)))
    assert one.engine.topology is other.engine.topology is topology_of(roads)


def test_two_vehicles_on_one_topology_never_mix(town):
    roads = town({"highway": "busway"})
    alone = {profile: drive(town({"highway": "busway"}), profile).eta_s for profile in PROFILES.values()}
    for _ in range(3):
        assert {profile: drive(roads, profile).eta_s for profile in PROFILES.values()} == alone


def test_shipped_profiles_ask_for_what_the_law_gives_and_contraflow_is_off():
    assert AMBULANCE_SIREN.access == EMERGENCY | BUS | GATE
    assert not AMBULANCE_SIREN.obeys_turns
    assert AMBULANCE.obeys_turns and CAR.obeys_turns
    assert all(profile.max_contraflow_m == 0 and not profile.access & CONTRAFLOW for profile in PROFILES.values())


@pytest.mark.parametrize("size", [{"height_m": -1.0}, {"weight_t": float("nan")}, {"max_contraflow_m": -5.0}])
def test_a_size_that_cannot_be_is_refused(size: dict[str, float]):
    with pytest.raises(RefusedInput, match=next(iter(size))):
        sized(AMBULANCE, **size)


def test_an_unknown_profile_is_refused_and_the_known_ones_named():
    with pytest.raises(RefusedInput, match="ambulance_siren"):
        get_profile("tank")


def test_where_nobody_may_drive_there_is_no_route(town):
    roads = town({})
    nobody = Profile("nobody", GATE)
    assert not free_flow(roads, nobody).usable.any()
    with pytest.raises(NoAnswer):
        drive(roads, nobody)
