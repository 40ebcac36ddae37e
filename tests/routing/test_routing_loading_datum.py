"""Places that were given in GCJ-02 are warned of, where a place of the same name shows it."""

from __future__ import annotations

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from paper_towns import roadmap_of

from casebook.datum import to_gcj02
from casebook.place import Place, distance_m
from routing.roads import Roadmap
from routing.roads.datum_check import gcj02_warnings

HOSPITAL = Place(31.0100, 121.2300, "松江区中心医院", "Songjiang District Central Hospital")


@pytest.fixture(scope="module")
def roads() -> Roadmap:
    nodes = {1: (31.0102, 121.22), 2: (31.0102, 121.24), 3: (31.02, 121.24), 4: (31.02, 121.22)}
    ring = [(1, 2, None), (2, 3, None), (3, 4, None), (4, 1, None)]
    return roadmap_of(nodes, ring + [(v, u, None) for u, v, _ in ring])


def moved(place: Place, lat: float, lon: float) -> Place:
    return Place(lat, lon, place.name_zh, place.name_en)


def test_a_hospital_given_in_gcj02_is_warned_of(roads: Roadmap):
    given = moved(HOSPITAL, *to_gcj02(HOSPITAL.lat, HOSPITAL.lon))
    (warning,) = gcj02_warnings(roads, [given], [HOSPITAL])
    assert 300 < warning.off_m < 700
    assert warning.left_m < 1
    assert distance_m(warning.unshifted, HOSPITAL) < 1
    assert warning.unshifted_road_m < warning.road_m
    for said, name in ((warning.said("zh"), HOSPITAL.name_zh), (warning.said("en"), HOSPITAL.name_en)):
        assert name in said
        assert "GCJ-02" in said
        assert "{" not in said


def test_a_place_that_is_right_or_wrong_otherwise_is_not(roads: Roadmap):
    lat, lon = to_gcj02(HOSPITAL.lat, HOSPITAL.lon)
    other_way = moved(HOSPITAL, 2 * HOSPITAL.lat - lat, 2 * HOSPITAL.lon - lon)
    aside = moved(HOSPITAL, HOSPITAL.lat + (lon - HOSPITAL.lon), HOSPITAL.lon - (lat - HOSPITAL.lat))
    assert gcj02_warnings(roads, [HOSPITAL, other_way, aside], [HOSPITAL]) == ()


def test_a_place_without_a_namesake_says_nothing(roads: Roadmap):
    lat, lon = to_gcj02(HOSPITAL.lat, HOSPITAL.lon)
    assert gcj02_warnings(roads, [Place(lat, lon), Place(lat, lon, "别的医院")], [HOSPITAL, Place(31, 121)]) == ()


def test_outside_china_there_is_no_such_shift(roads: Roadmap):
    here = Place(49.41, 8.69, name_en="Heidelberg")
    assert gcj02_warnings(roads, [moved(here, 49.412, 8.695)], [here]) == ()


@settings(deadline=None, max_examples=100)
@drawn(lat=st.floats(22, 40), lon=st.floats(100, 122), off=st.tuples(st.floats(-60, 60), st.floats(-60, 60)))
def test_all_over_china_the_shift_is_told_from_none(roads: Roadmap, lat: float, lon: float, off: tuple[float, float]):
    known = Place(lat, lon, "某医院")
    near = (lat + off[0] / 111_200, lon + off[1] / 111_200)
    assert gcj02_warnings(roads, [moved(known, *near)], [known]) == ()
    shifted = moved(known, *to_gcj02(*near))
    shift_m = distance_m(Place(*near), shifted)
    assert len(gcj02_warnings(roads, [shifted], [known])) == (1 if 300 <= shift_m <= 700 else 0)
