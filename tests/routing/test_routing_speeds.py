"""Reading limits, and the speed tables."""

from __future__ import annotations

import pytest
from paper_towns import Draw

from routing.roads.rules import CAR_CLASSES, EMERGENCY_CLASSES
from routing.speeds import (
    CHINA,
    ELSEWHERE,
    SHARE_OF_LIMIT,
    SIREN,
    SIREN_STREET,
    driving_kph,
    interval_by_class,
    limit_kph,
    table_for,
)


@pytest.mark.parametrize(
    ("tag", "kph"),
    [
        ("80", 80.0),
        ("80 km/h", 80.0),
        ("50 mph", 80.467),
        ("50mph", 80.467),
        ("30 knots", 55.56),
        ("80;60", 60.0),
        ("100|100|80", 80.0),
        ("CN:motorway", 120.0),
        ("CN:urban", 50.0),
        ("DE:rural", 100.0),
        ("GB:nsl_single", 96.56),
        ("none", 130.0),
        ("walk", 7.0),
        ("", None),
        ("signals", None),
        ("fast", None),
        ("XX:urban", None),
        ("0", None),
        ("1000", None),
        ("-50", None),
    ],
)
def test_limits_are_read_with_their_unit(tag: str, kph: float | None):
    assert limit_kph(tag) == (None if kph is None else pytest.approx(kph, abs=0.01))


NODES = {1: (31.0, 121.0), 2: (31.0, 121.01)}


@pytest.mark.parametrize(
    ("tags", "forward_kph", "backward_kph"),
    [
        ({"highway": "primary"}, CHINA.driving_kph["primary"], CHINA.driving_kph["primary"]),
        ({"highway": "primary", "maxspeed": "40"}, 40 * SHARE_OF_LIMIT, 40 * SHARE_OF_LIMIT),
        ({"highway": "primary", "maxspeed": "40", "maxspeed:forward": "60"}, 60 * SHARE_OF_LIMIT, 40 * SHARE_OF_LIMIT),
        ({"highway": "primary", "source:maxspeed": "CN:urban"}, 50 * SHARE_OF_LIMIT, 50 * SHARE_OF_LIMIT),
        ({"highway": "primary", "maxspeed": "unreadable"}, CHINA.driving_kph["primary"], CHINA.driving_kph["primary"]),
    ],
)
def test_a_tagged_limit_wins_over_the_class(draw: Draw, tags: dict[str, str], forward_kph: float, backward_kph: float):
    roads = draw(NODES, [(1, [1, 2], tags)], country="CN")
    speeds = {
        bool(f): kph for f, kph in zip(roads.network.forward, driving_kph(roads.network, table_for(roads)), strict=True)
    }
    assert speeds == {True: pytest.approx(forward_kph), False: pytest.approx(backward_kph)}


def test_every_class_that_is_kept_has_a_speed_in_every_table():
    for table in (CHINA, ELSEWHERE):
        assert set(table.driving_kph) == {*CAR_CLASSES, *EMERGENCY_CLASSES}
        assert table.source


def test_the_siren_helps_least_on_the_motorway_and_never_slows():
    assert SIREN["motorway"].likely < SIREN["primary"].likely < SIREN_STREET.likely
    assert all(interval.low >= 1 for interval in SIREN.values())


def test_chinas_expressway_is_driven_below_its_limit():
    assert 90 <= CHINA.driving_kph["motorway"] <= 100  # 120 km/h limit, State Council order 405 art. 78


@pytest.mark.parametrize("highway", [*CAR_CLASSES, *EMERGENCY_CLASSES, "unheard_of"])
def test_every_class_has_a_range_and_a_siren_is_at_no_end_slower_than_without(highway: str):
    plain, siren = (interval_by_class(highway, siren) for siren in (False, True))
    assert plain.low < plain.likely == 1.0 < plain.high
    assert (plain.low, plain.likely, plain.high) <= (siren.low, siren.likely, siren.high)
    assert siren.low >= plain.low and siren.high >= plain.high


def test_a_motorway_varies_less_than_a_street():
    motorway, street = interval_by_class("motorway", False), interval_by_class("residential", False)
    assert motorway.high - motorway.low < street.high - street.low
