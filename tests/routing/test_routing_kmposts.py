"""Kilometre posts: a road number and a kilometre become a place, or the arcs between two kilometres."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import osm_xml

from casebook.errors import RefusedInput
from casebook.place import Place, distance_m
from routing.roads import Roadmap, load_roads, save_roads
from routing.roads.kmposts import read_km

# A motorway of 10 km, west to east and back, 40 m between its carriageways, a node every 500 m; streets join its ends.
STEP = 0.005  # degrees of longitude, at 31 N 476.5 m
EAST = {100 + n: (31.0, 121 + STEP * n) for n in range(21)}
WEST = {200 + n: (31.0004, 121 + STEP * (20 - n)) for n in range(21)}
MOTORWAY = {"highway": "motorway", "ref": "G60", "name": "沪昆高速"}
WAYS = [
    (1, list(EAST)[:11], MOTORWAY),
    (2, list(EAST)[10:], MOTORWAY),
    (3, list(WEST), MOTORWAY),
    (4, [120, 200], {"highway": "primary", "ref": "X1"}),
    (5, [220, 100], {"highway": "primary", "oneway": "no", "ref": "S32"}),
]
KM_PER_STEP = distance_m(Place(31.0, 121.0), Place(31.0, 121.0 + STEP)) / 1000


def post_at(km: float) -> tuple[float, float]:
    """Between the carriageways; the numbers fall to the east, as if the road began there at km 30."""
    return 31.0002, 121 + STEP * (40 - km) / KM_PER_STEP


POSTS = {300 + km: post_at(km) for km in range(31, 40)}


def town(tmp_path: Path, posts=POSTS, tags=None, ways=WAYS) -> Roadmap:
    node_tags = {id: {"highway": "milestone", "ref": "G60", "distance": str(id - 300)} for id in posts}
    node_tags |= tags or {}
    file = tmp_path / "g60.osm"
    file.write_text(osm_xml(EAST | WEST | posts, ways, node_tags=node_tags), encoding="utf-8")
    return load_roads(file)


@pytest.fixture
def roads(tmp_path: Path) -> Roadmap:
    return town(tmp_path)


@pytest.mark.parametrize(
    ("text", "km"),
    [
        ("38", 38),
        ("38.2", 38.2),
        ("38,2", 38.2),
        ("K38+200", 38.2),
        ("k38+5", 38.005),
        ("38 km", 38),
        (" 38+200", 38.2),
    ],
)
def test_kilometres_are_read_as_they_are_written(text: str, km: float):
    assert read_km(text) == pytest.approx(km)


@pytest.mark.parametrize("text", ["", "km", "-3", "38+2000", "3 8", "north"])
def test_what_is_no_kilometre_is_none(text: str):
    assert read_km(text) is None


def test_a_kilometre_is_a_point_on_each_carriageway(roads: Roadmap):
    points = roads.kmposts.find("G60", 35.5)
    lat, lon = post_at(35.5)
    assert sorted(point.lat for point in points) == pytest.approx([31.0, 31.0004])
    for point in points:
        assert distance_m(Place(point.lat, point.lon), Place(lat, lon)) < 25
        assert roads.network.tag("ref", point.arc) == "G60"


def test_the_bearing_picks_the_carriageway(roads: Roadmap):
    (east,) = roads.kmposts.find("G60", 35.5, bearing_deg=60)
    (west,) = roads.kmposts.find("G60", 35.5, bearing_deg=290)
    assert (east.lat, west.lat) == pytest.approx((31.0, 31.0004))
    assert (east.bearing_deg, west.bearing_deg) == pytest.approx((90, 270))


def test_arcs_between_two_kilometres_are_those_that_the_stretch_touches(roads: Roadmap):
    arcs = roads.kmposts.arcs("G60", 34.2, 36.7, bearing_deg=90)
    lons = sorted(
        (roads.network.lon[roads.network.tail[arcs]], roads.network.lon[roads.network.head[arcs]])[0].tolist()
    )
    begin, finish = post_at(36.7)[1], post_at(34.2)[1]
    touched = [lon for lon in sorted(lon for _, lon in EAST.values()) if lon + STEP > begin and lon < finish]
    assert lons == pytest.approx(touched)
    both = roads.kmposts.arcs("G60", 36.7, 34.2)
    assert set(arcs) < set(both)
    assert len(both) == 2 * len(arcs)


def test_one_kilometre_is_the_arc_it_lies_on(roads: Roadmap):
    (arc,) = roads.kmposts.arcs("G60", 35.5, 35.5, bearing_deg=90)
    (point,) = roads.kmposts.find("G60", 35.5, bearing_deg=90)
    assert arc == point.arc


def test_a_post_that_reads_wrong_is_left_out(tmp_path: Path):
    wrong = {350: post_at(33)}  # reads 50 where 33 belongs
    roads = town(tmp_path, POSTS | wrong)
    (point,) = roads.kmposts.find("G60", 33.5, bearing_deg=90)
    assert point.lon == pytest.approx(post_at(33.5)[1], abs=1e-5)


def test_a_post_without_a_number_takes_that_of_its_road(tmp_path: Path):
    tags = {105: {"highway": "milestone", "pk": "12"}, 115: {"highway": "milestone", "pk": "K7+500"}}
    roads = town(tmp_path, posts={}, tags=tags)
    assert (roads.report.posts_read, roads.report.posts_kept) == (2, 2)
    (point,) = roads.kmposts.find("G60", 9.75, 90)
    assert point.lon == pytest.approx(121 + 10 * STEP)


def test_a_post_that_cannot_be_read_is_counted(tmp_path: Path):
    roads = town(tmp_path, tags={105: {"highway": "milestone", "distance": "unknown"}})
    assert (roads.report.posts_read, roads.report.posts_kept) == (10, 9)


def refusal(ask, *args, **kwargs) -> RefusedInput:
    with pytest.raises(RefusedInput) as refused:
        ask(*args, **kwargs)
    assert "{" not in refused.value.said("zh") + refused.value.said("en")
    return refused.value


@pytest.mark.parametrize(
    ("ref", "km", "bearing", "key"),
    [
        ("G15", 35, None, "km_road_unknown"),
        ("S32", 35, None, "km_no_posts"),
        ("G60", 30, None, "km_outside"),
        ("G60", 41.5, None, "km_outside"),
    ],
)
def test_what_is_not_there_is_refused(roads: Roadmap, ref: str, km: float, bearing: float | None, key: str):
    assert refusal(roads.kmposts.find, ref, km, bearing).key == key
    assert refusal(roads.kmposts.arcs, ref, km, km, bearing).key == key


def test_a_carriageway_that_does_not_run_there_is_refused(tmp_path: Path):
    one = [way for way in WAYS if way[0] != 3] + [(6, list(WEST), {"highway": "primary", "oneway": "yes"})]
    roads = town(tmp_path, ways=one)
    assert refusal(roads.kmposts.find, "G60", 35, 270).key == "km_no_carriageway"


def test_a_stretch_that_ends_beyond_the_posts_is_refused_whole(roads: Roadmap):
    error = refusal(roads.kmposts.arcs, "G60", 36, 45)
    assert (error.key, error.facts["km"]) == ("km_outside", "45")


def test_a_table_beside_the_roads_is_taken(tmp_path: Path):
    roads = town(tmp_path, posts={})
    assert refusal(roads.kmposts.find, "G60", 35).key == "km_no_posts"
    rows = [f"G60,{km},{post_at(km)[0]},{post_at(km)[1]},public knowledge" for km in (31, 35, 39)]
    (tmp_path / "g60.kmposts.csv").write_text("\n".join(["ref,km,lat,lon,source", *rows]), encoding="utf-8")
    beside = load_roads(tmp_path / "g60.osm")
    (point,) = beside.kmposts.find("G60", 33, 90)
    assert point.lon == pytest.approx(post_at(33)[1], abs=1e-5)
    assert beside.kmposts.refs == ("G60",)
    save_roads(beside, tmp_path / "built.roads")
    assert load_roads(tmp_path / "built.roads").kmposts.find("G60", 33, 90) == (point,)


@pytest.mark.parametrize(
    "row", ["G60,north,31,121", "G60,35,north,121", "G60,35,95,121", ",35,31,121", "G60,35", "G60,-2,31,121"]
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, row: str):
    town(tmp_path)
    table = tmp_path / "posts.csv"
    table.write_text(f"ref,km,lat,lon\nG60,35,31,121\n{row}\n", encoding="utf-8")
    error = refusal(load_roads, tmp_path / "g60.osm", kmposts=table)
    assert (error.key, error.facts["line"]) == ("km_table", 3)


def test_a_missing_table_is_refused(tmp_path: Path):
    town(tmp_path)
    assert refusal(load_roads, tmp_path / "g60.osm", kmposts=tmp_path / "none.csv").key == "km_table"


def test_a_two_way_road_with_one_line_has_both_directions(tmp_path: Path):
    ways = [(1, list(EAST), {"highway": "primary", "ref": "G60"})]
    roads = town(tmp_path, ways=ways)
    points = roads.kmposts.find("G60", 35)
    assert {round(point.bearing_deg) for point in points} == {90, 270}
    east, west = (roads.kmposts.arcs("G60", 34, 36, bearing) for bearing in (90, 270))
    assert not set(east) & set(west)
    ends = {roads.edge_of(int(arc))[:2] for arc in east}
    assert {roads.edge_of(int(arc))[:2] for arc in west} == {(v, u) for u, v in ends}


def test_closing_a_one_way_stretch_takes_the_arcs_against_it_along(tmp_path: Path):
    one_way = {"highway": "primary", "ref": "G60", "oneway": "yes"}
    ways = [(1, list(EAST), one_way), (3, list(WEST), one_way), *WAYS[3:]]
    roads = town(tmp_path, ways=ways)
    arcs = roads.kmposts.arcs("G60", 34, 36, bearing_deg=90)
    ends = {roads.edge_of(int(arc))[:2] for arc in arcs}
    assert ends == {(v, u) for u, v in ends}
    assert all(roads.network.lat[roads.network.tail[arc]] == 31.0 for arc in arcs)


@settings(deadline=None, max_examples=80)
@given(
    bends=st.lists(st.floats(-0.4, 0.4), min_size=12, max_size=12),
    steps=st.lists(st.floats(0.001, 0.01), min_size=12, max_size=12),
    kms=st.lists(st.floats(0.05, 0.95), min_size=2, max_size=2),
)
def test_along_a_bending_road_kilometres_are_metres(tmp_path_factory: pytest.TempPathFactory, bends, steps, kms):
    """Posts at the ends of a road with true distances: any kilometre is found at its true distance along the road."""
    line, heading = [(31.0, 121.0)], 0.0
    for bend, step in zip(bends, steps, strict=True):
        heading = heading * 0.5 + bend
        lat, lon = line[-1]
        line.append((lat + step * float(np.sin(heading)), lon + step * float(np.cos(heading))))
    nodes = dict(enumerate(line, 1))
    along = np.cumsum([0.0, *(distance_m(Place(*a), Place(*b)) for a, b in pairwise(line))]) / 1000
    posts = {1: 5.0, len(line): 5.0 + float(along[-1])}
    node_tags = {id: {"highway": "milestone", "ref": "G60", "distance": f"{km:.6f}"} for id, km in posts.items()}
    file = tmp_path_factory.mktemp("bend") / "bend.osm"
    way = (1, list(nodes), {"highway": "primary", "ref": "G60"})
    file.write_text(osm_xml(nodes, [way], node_tags=node_tags), encoding="utf-8")
    roads = load_roads(file)
    low, high = sorted(5 + share * float(along[-1]) for share in kms)
    for km in (low, high):
        for point in roads.kmposts.find("G60", km):
            u, v, _ = roads.edge_of(point.arc)
            share = point.fraction if u < v else 1 - point.fraction
            assert along[min(u, v) - 1] + share * (along[max(u, v) - 1] - along[min(u, v) - 1]) == pytest.approx(
                km - 5, abs=2e-3
            )
    touched = {tuple(sorted(roads.edge_of(int(arc))[:2])) for arc in roads.kmposts.arcs("G60", low, high)}
    sure = {(i, i + 1) for i in range(1, 13) if along[i - 1] < high - 5 - 0.003 and along[i] > low - 5 + 0.003}
    maybe = {(i, i + 1) for i in range(1, 13) if along[i - 1] < high - 5 + 0.003 and along[i] > low - 5 - 0.003}
    assert sure <= touched <= maybe


def test_the_drills_g60_has_posts_that_say_how_good_they_are():
    region = Path(__file__).parents[2] / "scenarios" / "regions" / "yangtze_delta"
    roads = load_roads(region / "roads.osm.gz", accuracy_m=100)
    assert roads.kmposts.refs == ("G60",)
    service_area, xinzhuang = Place(30.897, 121.037), Place(31.122, 121.384)
    for km, place in ((44, service_area), (0, xinzhuang)):
        points = roads.kmposts.find("G60", km)
        assert len(points) == 2
        assert all(distance_m(Place(point.lat, point.lon), place) < 1500 for point in points)
    kilometre = roads.kmposts.find("G60", 30, 45)[0], roads.kmposts.find("G60", 31, 45)[0]
    assert distance_m(*(Place(point.lat, point.lon) for point in kilometre)) == pytest.approx(1000, abs=60)
    with gzip.open(region / "roads.osm.gz", "rt", encoding="utf-8") as text:
        nodes = [node for node in text if "milestone" in node]
    assert len(nodes) == 92
    assert all("approximate" in node and "public knowledge" in node for node in nodes)
