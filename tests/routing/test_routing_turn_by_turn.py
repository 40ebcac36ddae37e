"""What a driver is told: turns where there is a choice, silence where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from paper_towns import AT, Draw

from casebook.errors import NoAnswer
from casebook.place import Place
from routing.ground import route
from routing.profiles import AMBULANCE_SIREN, CAR
from routing.roads import Roadmap
from routing.turn_by_turn import Step, said_distance, turn_by_turn

D = 0.001  # degrees: 111 m north, 95 m east at 31 N


def grid(*points: tuple[float, float]) -> dict[int, tuple[float, float]]:
    """Nodes 1, 2, 3 ... at these (north, east) steps of D from a corner."""
    return {number: (31.0 + north * D, 121.0 + east * D) for number, (north, east) in enumerate(points, 1)}


def told(roadmap: Roadmap, start: tuple[float, float], end: tuple[float, float]) -> tuple[Step, ...]:
    places = [Place(31.0 + north * D, 121.0 + east * D) for north, east in (start, end)]
    return turn_by_turn(roadmap, route(roadmap, *places, profile=CAR, at=AT))


def brief(steps: tuple[Step, ...]) -> list[tuple[str, str, str]]:
    return [(step.kind, step.side, step.road("en")) for step in steps]


CROSS = grid((0, 0), (0, 5), (0, 10), (5, 5), (-5, 5))
MAIN, SIDE = (
    {"highway": "primary", "name": "主路", "name:en": "Main Road"},
    {"highway": "secondary", "name:en": "Side Road"},
)


@pytest.mark.parametrize(("end", "side"), [((-4, 5), "right"), ((4, 5), "left")])
def test_a_turn_at_a_crossing_names_side_and_road(draw: Draw, end: tuple[float, float], side: str):
    town = draw(CROSS, [(1, [1, 2, 3], MAIN), (2, [4, 2, 5], SIDE)])
    assert brief(told(town, (0, 1), end)) == [
        ("depart", "", "Main Road"),
        ("turn", side, "Side Road"),
        ("arrive", "", ""),
    ]


def test_straight_over_a_crossing_is_not_told(draw: Draw):
    town = draw(CROSS, [(1, [1, 2, 3], MAIN), (2, [4, 2, 5], SIDE)])
    assert [step.kind for step in told(town, (0, 1), (0, 9))] == ["depart", "arrive"]


def test_a_bend_is_no_turn(draw: Draw):
    town = draw(grid((0, 0), (0, 5), (5, 5)), [(1, [1, 2, 3], MAIN)])
    assert [step.kind for step in told(town, (0, 1), (4, 5))] == ["depart", "arrive"]


def test_a_bend_past_a_farm_track_is_no_turn(draw: Draw):
    nodes = grid((0, 0), (0, 5), (3, 8), (0, 9))
    town = draw(nodes, [(1, [1, 2, 3], MAIN), (2, [2, 4], {"highway": "service"})])
    assert [step.kind for step in told(town, (0, 1), (2.5, 7.5))] == ["depart", "arrive"]


def test_a_kink_where_two_ways_meet_is_no_turn(draw: Draw):
    kinked = grid((0, 0), (0, 5), (0.05, 5.02), (0.02, 5.08), (0, 10))  # a few metres to and fro
    town = draw(kinked, [(1, [1, 2], MAIN), (2, [2, 3, 4], MAIN), (3, [4, 5], MAIN)])
    assert [step.kind for step in told(town, (0, 1), (0, 9))] == ["depart", "arrive"]


def test_a_kink_at_a_crossing_is_no_turn(draw: Draw):
    nodes = grid((0, 0), (0, 5), (0.06, 5.06), (0.02, 5.3), (0, 10), (5, 5), (-5, 5))
    town = draw(nodes, [(1, [1, 2, 3, 4, 5], MAIN), (2, [6, 2, 7], SIDE)])
    assert [step.kind for step in told(town, (0, 1), (0, 9))] == ["depart", "arrive"]


def test_a_new_name_alone_is_continue_onto(draw: Draw):
    nodes = grid((0, 0), (0, 5), (0, 10))
    town = draw(nodes, [(1, [1, 2], MAIN), (2, [2, 3], MAIN | {"name": "新路", "name:en": "New Road"})])
    steps = told(town, (0, 1), (0, 9))
    assert [step.said("en") for step in steps] == [
        "Head east on Main Road",
        "Continue onto New Road",
        "You have arrived",
    ]
    assert [step.said("zh") for step in steps] == ["沿主路向东出发", "继续行驶，进入新路", "到达目的地"]


def test_a_stretch_without_name_is_not_news_nor_is_the_old_name_after_it(draw: Draw):
    nodes = grid((0, 0), (0, 4), (0, 6), (0, 10))
    town = draw(nodes, [(1, [1, 2], MAIN), (2, [2, 3], {"highway": "primary"}), (3, [3, 4], MAIN)])
    assert [step.kind for step in told(town, (0, 1), (0, 9))] == ["depart", "arrive"]


def test_at_a_fork_one_keeps_to_a_side(draw: Draw):
    nodes = grid((0, 0), (0, 5), (1.2, 10), (-1.2, 10))
    town = draw(nodes, [(1, [1, 2], MAIN), (2, [2, 3], MAIN | {"name:en": "North Arm"}), (3, [2, 4], SIDE)])
    assert brief(told(town, (0, 1), (1.0, 9)))[1] == ("keep", "left", "North Arm")


MOTORWAY = {"highway": "motorway", "ref": "G60", "name": "沪昆高速", "name:en": "Hukun Expressway", "oneway": "yes"}
RAMP = {"highway": "motorway_link", "oneway": "yes"}
INTERCHANGE = grid((0, 0), (0, 10), (0, 20), (0, 30), (-2, 14), (-5, 16), (-2, 6), (-5, 4), (-5, 30), (-5, 0))
ROADS = [
    (1, [1, 2, 3, 4], MOTORWAY),
    (2, [2, 5, 6], RAMP),
    (3, [8, 7, 2], RAMP),
    (4, [10, 8, 6, 9], SIDE),
    (5, [9, 4], SIDE),
    (6, [4, 9], SIDE),
    (7, [1, 10], SIDE),
    (8, [10, 1], SIDE),
]


def test_leaving_a_motorway_is_an_exit_and_staying_on_it_is_silent(draw: Draw):
    town = draw(INTERCHANGE, ROADS)
    assert brief(told(town, (0, 2), (-5, 25)))[:2] == [
        ("depart", "", "Hukun Expressway (G60)"),
        ("exit", "right", "Side Road"),
    ]
    assert [step.kind for step in told(town, (0, 2), (0, 25))] == ["depart", "arrive"]


def test_joining_a_motorway_is_a_ramp_and_then_a_merge(draw: Draw):
    steps = told(draw(INTERCHANGE, ROADS), (-5, 2), (0, 25))
    assert brief(steps) == [
        ("depart", "", "Side Road"),
        ("ramp", "left", "Hukun Expressway (G60)"),
        ("merge", "", "Hukun Expressway (G60)"),
        ("arrive", "", ""),
    ]
    assert steps[2].said("zh") == "汇入主路，进入沪昆高速（G60）"


RING = {"highway": "primary", "junction": "roundabout", "oneway": "yes"}
CIRCLE = grid((0, 4), (-1, 5), (0, 6), (1, 5), (0, 0), (-5, 5), (0, 10), (5, 5))


@pytest.mark.parametrize(
    ("end", "exit", "road"), [((-4, 5), 1, "South Road"), ((0, 9), 2, "East Road"), ((4, 5), 3, "North Road")]
)
def test_exits_of_a_roundabout_are_counted(draw: Draw, end: tuple[float, float], exit: int, road: str):
    arms = [(2, [5, 1], MAIN)]
    arms += [
        (number, [node, node + 4], MAIN | {"name:en": f"{name} Road"})
        for number, node, name in ((3, 2, "South"), (4, 3, "East"), (5, 4, "North"))
    ]
    steps = told(draw(CIRCLE, [(1, [1, 2, 3, 4, 1], RING), *arms]), (0, 1), end)
    assert [step.kind for step in steps] == ["depart", "roundabout", "arrive"]
    assert (steps[1].exit, steps[1].road("en")) == (exit, road)
    assert steps[1].said("en") == f"At the roundabout take exit {exit} onto {road}"


def test_turning_back_at_the_end_of_a_motorways_median_is_a_u_turn(draw: Draw):
    oneway = MAIN | {"oneway": "yes"}
    nodes = grid((0, 0), (0, 5), (0.2, 5), (0.2, 0), (0, 10), (0.2, 10))
    ways = [(1, [1, 2, 5, 6, 3, 4, 1], oneway), (2, [2, 3], {"highway": "primary_link", "oneway": "yes"})]
    steps = told(draw(nodes, ways), (0, 1), (0.2, 1))
    assert [step.kind for step in steps] == ["depart", "uturn", "arrive"]


def test_left_over_both_carriageways_of_a_crossing_is_one_turn(draw: Draw):
    oneway = SIDE | {"oneway": "yes"}
    nodes = grid((0, 0), (0, 5), (0, 5.2), (0, 10), (5, 5), (-5, 5), (5, 5.2), (-5, 5.2))
    ways = [(1, [1, 2, 3, 4], MAIN), (2, [5, 2, 6, 8, 3, 7, 5], oneway)]
    steps = told(draw(nodes, ways), (0, 1), (4, 5.2))
    assert brief(steps) == [("depart", "", "Main Road"), ("turn", "left", "Side Road"), ("arrive", "", "")]


def test_left_and_then_right_at_once_stay_two_turns(draw: Draw):
    nodes = grid((0, 0), (0, 5), (0.3, 5), (0.3, 10), (-5, 5), (5, 5))
    town = draw(nodes, [(1, [1, 2], MAIN), (2, [3, 4], MAIN), (3, [5, 2, 3, 6], SIDE)])
    assert [step.side for step in told(town, (0, 1), (0.3, 9))] == ["", "left", "right", ""]


def test_a_wrong_way_road_is_no_choice(draw: Draw):
    """Driving past the end of a one-way street that comes towards us."""
    nodes = grid((0, 0), (0, 5), (1.5, 9), (-1.5, 9), (0, 13))
    into = {"highway": "primary", "name:en": "Other Road", "oneway": "yes"}
    town = draw(nodes, [(1, [1, 2, 3, 5], MAIN), (2, [5, 4, 2], into)])
    assert [step.kind for step in told(town, (0, 1), (1.4, 8.8))] == ["depart", "arrive"]


@pytest.mark.parametrize(("end", "side"), [((-0.3, 9), "right"), ((0.3, 9), "left")])
def test_the_arrival_says_on_which_side(draw: Draw, end: tuple[float, float], side: str):
    town = draw(grid((0, 0), (0, 10)), [(1, [1, 2], MAIN)])
    assert told(town, (0, 1), end)[-1].said("en") == f"You have arrived, on the {side}"


def test_a_way_of_no_length_departs_and_arrives(draw: Draw):
    steps = told(draw(grid((0, 0), (0, 10)), [(1, [1, 2], MAIN)]), (0, 5), (0, 5))
    assert [step.kind for step in steps] == ["depart", "arrive"]
    assert steps[0].said("en") and steps[0].as_facts()["length_m"] == 0


@pytest.mark.parametrize(
    ("metres", "en", "zh"),
    [
        (3, "", ""),
        (47, "50 m", "50米"),
        (99, "100 m", "100米"),
        (137, "150 m", "150米"),
        (990, "1 km", "1公里"),
        (1_449, "1.4 km", "1.4公里"),
        (9_960, "10 km", "10公里"),
        (38_400, "38 km", "38公里"),
    ],
)
def test_distances_are_rounded_as_people_say_them(metres: float, en: str, zh: str):
    assert (said_distance(metres, "en"), said_distance(metres, "zh")) == (en, zh)


def test_ahead_of_a_turn_its_distance_is_said_first(draw: Draw):
    town = draw(CROSS, [(1, [1, 2, 3], MAIN), (2, [4, 2, 5], SIDE)])
    turn = told(town, (0, 1), (4, 5))[1]
    assert turn.spoken(380, "en") == "In 400 m, turn left onto Side Road"
    assert turn.spoken(2, "en") == "Turn left onto Side Road"


@pytest.mark.parametrize(
    ("start", "end"),
    [((-36.945762, 174.894948), (-36.860454, 174.769128)), ((-36.80, 174.75), (-36.99, 174.88))],
)
def test_on_real_roads_the_steps_add_up_to_the_route(auckland: Roadmap, start, end):
    at = datetime(2021, 4, 18, tzinfo=UTC)
    way = route(auckland, Place(*start), Place(*end), profile=AMBULANCE_SIREN, at=at)
    steps = turn_by_turn(auckland, way)
    assert sum(step.length_m for step in steps) == pytest.approx(way.length_m, abs=0.1)
    assert sum(step.seconds for step in steps) == pytest.approx(way.eta_s, abs=0.01)
    assert [step.first for step in steps[1:]] == [step.last for step in steps[:-1]]
    assert (steps[0].kind, steps[-1].kind) == ("depart", "arrive")
    assert all(step.said(language) for step in steps for language in ("zh", "en"))
    assert 5 < len(steps) < 40, "neither every node nor nothing"


@pytest.mark.parametrize("city", ["heidelberg", "huangpu"])
def test_between_any_two_places_of_a_city_the_steps_fit_together(city: str, request: pytest.FixtureRequest):
    roadmap: Roadmap = request.getfixturevalue(city)
    net, rng = roadmap.network, np.random.default_rng(5)
    for number in range(40):
        start, end = (
            Place(float(net.lat[node]) + jolt, float(net.lon[node]) - jolt)
            for node, jolt in zip(rng.choice(net.nodes, 2, replace=False), rng.uniform(-D, D, 2), strict=True)
        )
        try:
            way = route(roadmap, start, end, profile=(CAR, AMBULANCE_SIREN)[number % 2], at=AT)
        except NoAnswer:
            continue
        steps = turn_by_turn(roadmap, way)
        assert sum(step.length_m for step in steps) == pytest.approx(way.length_m, abs=0.5)
        assert sum(step.seconds for step in steps) == pytest.approx(way.eta_s, abs=0.01)
        assert [step.first for step in steps[1:]] == [step.last for step in steps[:-1]]
        assert all("{" not in step.said(language) for step in steps for language in ("zh", "en"))
        assert [step.kind for step in steps].count("depart") == [step.kind for step in steps].count("arrive") == 1
        assert all(step.exit is None or step.exit >= 1 for step in steps)


def test_staying_on_the_motorway_through_the_city_is_one_step(auckland: Roadmap):
    way = route(auckland, Place(-36.9643, 174.8671), Place(-36.8653, 174.7671), profile=CAR, at=AT)
    longest = max(turn_by_turn(auckland, way), key=lambda step: step.length_m)
    assert (longest.kind, longest.ref) == ("merge", "SH 1")
    assert longest.length_m > 10_000
