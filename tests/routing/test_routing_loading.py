"""Opening road files: kinds, the cache, what a file says about itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import osmnx
import pytest
from paper_towns import AT, Draw, osm_xml, roadmap_of

from casebook.errors import RefusedInput
from casebook.place import Place
from casebook.words import say
from routing.ground import route
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap, load_roads, save_roads
from routing.roads.network import Network

NODES = {1: (31.00, 121.00), 2: (31.00, 121.01), 3: (31.01, 121.01), 4: (31.01, 121.00), 5: (31.005, 121.00)}
WAYS = [(10, [1, 2, 3, 4, 5, 1], {"highway": "primary", "ref": "G320", "maxspeed": "60"})]


def town_file(tmp_path: Path, header: str = "") -> Path:
    file = tmp_path / "town.osm"
    file.write_text(osm_xml(NODES, WAYS, header), encoding="utf-8")
    return file


def same(a: Network, b: Network) -> bool:
    arrays = [name for name in Network.__slots__ if name != "columns"]
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays) and all(
        a.columns[name].words == b.columns[name].words and np.array_equal(a.columns[name].code, b.columns[name].code)
        for name in a.columns
    )


def test_the_second_opening_comes_from_the_cache_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file, cache = town_file(tmp_path), tmp_path / "cache"
    first = load_roads(file, cache=cache)
    monkeypatch.setattr("routing.roads.osm.read_osm", lambda path: pytest.fail("read the file again"))
    second = load_roads(file, cache=cache)
    assert same(first.network, second.network)
    assert (first.report, first.digest) == (second.report, second.digest)


def test_a_changed_file_is_read_anew(tmp_path: Path):
    file = town_file(tmp_path)
    first = load_roads(file, cache=tmp_path / "cache")
    file.write_text(file.read_text(encoding="utf-8").replace("G320", "G60"), encoding="utf-8")
    second = load_roads(file, cache=tmp_path / "cache")
    assert first.digest != second.digest
    assert second.network.tag("ref", 0) == "G60"


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "junk"])
def test_a_damaged_cache_is_rebuilt(tmp_path: Path, harm: str):
    file, cache = town_file(tmp_path), tmp_path / "cache"
    first = load_roads(file, cache=cache)
    (kept,) = (cache / "roads").iterdir()
    whole = kept.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]
    kept.write_bytes({"cut": whole[:middle], "flip": flipped, "empty": b"", "junk": b"x" * 500}[harm])
    assert same(load_roads(file, cache=cache).network, first.network)
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_does_not_stop_anybody(tmp_path: Path):
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the folder should be", encoding="utf-8")
    assert load_roads(town_file(tmp_path), cache=blocked).network.arcs == 10


def test_a_built_file_opens_as_the_same_map(tmp_path: Path, draw: Draw):
    drawn = draw(NODES, WAYS, name="Fengjing", accuracy_m=100.0)
    save_roads(drawn, tmp_path / "built.roads")
    built = load_roads(tmp_path / "built.roads")
    assert same(built.network, drawn.network)
    told = ("name", "digest", "attribution", "accuracy_m", "country", "report")
    assert all(getattr(built, word) == getattr(drawn, word) for word in told)


def test_a_damaged_built_file_is_refused(tmp_path: Path, draw: Draw):
    save_roads(draw(NODES, WAYS), tmp_path / "built.roads")
    (tmp_path / "built.roads").write_bytes((tmp_path / "built.roads").read_bytes()[:-200])
    with pytest.raises(RefusedInput) as refused:
        load_roads(tmp_path / "built.roads")
    assert refused.value.key == "roads_malformed"


def test_a_built_file_of_another_loader_is_refused_with_what_to_do(tmp_path: Path, draw: Draw, monkeypatch):
    roads = draw(NODES, WAYS)
    with monkeypatch.context() as older:
        older.setattr("routing.roads.store.LOADER_VERSION", 1)
        save_roads(roads, tmp_path / "old.roads")
    with pytest.raises(RefusedInput) as refused:
        load_roads(tmp_path / "old.roads")
    assert (refused.value.key, refused.value.facts["told"]) == ("roads_version", "1")
    assert "aboard roads build" in refused.value.said("zh")


def test_a_cache_of_another_loader_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file, cache = town_file(tmp_path), tmp_path / "cache"
    first = load_roads(file, cache=cache)
    (kept,) = (cache / "roads").iterdir()
    with monkeypatch.context() as older:
        older.setattr("routing.roads.store.LOADER_VERSION", 1)
        load_roads(file, cache=cache)
        (old,) = set((cache / "roads").iterdir()) - {kept}
    kept.write_bytes(old.read_bytes())  # somebody copied it over
    assert same(load_roads(file, cache=cache).network, first.network)


@pytest.mark.parametrize("at", [("x", "221"), ("y", "-95"), ("x", "nan"), ("y", "north")])
def test_a_graphml_node_off_the_globe_is_refused(tmp_path: Path, draw: Draw, at: tuple[str, str]):
    graph = draw(NODES, WAYS).graph.copy()
    osmnx.save_graphml(graph, tmp_path / "town.graphml")
    text = (tmp_path / "town.graphml").read_text(encoding="utf-8")
    old = {"x": ">121.01<", "y": ">31.01<"}[at[0]]
    (tmp_path / "town.graphml").write_text(text.replace(old, f">{at[1]}<", 1), encoding="utf-8")
    with pytest.raises(RefusedInput) as refused:
        load_roads(tmp_path / "town.graphml")
    assert refused.value.key == "roads_malformed"


@pytest.mark.parametrize("length", ["nan", "-5", "0", "inf"])
def test_a_length_that_is_none_is_taken_from_the_positions(length: str):
    roads = roadmap_of(NODES, [(1, 2, float(length)), (2, 1, None)])
    assert roads.network.length_m[0] == pytest.approx(roads.network.length_m[1]) == pytest.approx(953.1, abs=0.5)


def test_a_place_in_the_sea_is_on_no_road(draw: Draw):
    assert draw(NODES, WAYS).snap(Place(31.0, 123.5)) == ()


def test_every_fact_of_a_map_has_a_word_in_both_languages(draw: Draw):
    for name in draw(NODES, WAYS).as_facts():
        assert say(f"routing.roads.{name}", "zh") != say(f"routing.roads.{name}", "en")


@pytest.mark.parametrize(("name", "key"), [("nowhere.osm", "roads_missing"), ("town.shp", "roads_kind")])
def test_missing_and_unknown_files_are_refused(tmp_path: Path, name: str, key: str):
    (tmp_path / "town.shp").write_bytes(b"")
    with pytest.raises(RefusedInput) as refused:
        load_roads(tmp_path / name)
    assert refused.value.key == key


def test_the_attribution_of_the_header_is_kept(tmp_path: Path):
    header = 'copyright="Zhang &amp; Li" license="ODbL"'
    assert load_roads(town_file(tmp_path, header)).attribution == "Zhang & Li, ODbL"


def test_without_a_header_the_roads_are_openstreetmaps(tmp_path: Path):
    assert "OpenStreetMap" in load_roads(town_file(tmp_path)).attribution


def test_chinas_road_numbers_in_chinas_box_pick_chinas_speeds(tmp_path: Path, draw: Draw):
    assert draw(NODES, WAYS).country == "CN"
    elsewhere = {id: (lat + 20, lon - 115) for id, (lat, lon) in NODES.items()}
    assert draw(elsewhere, WAYS).country is None
    assert draw(elsewhere, WAYS, country="DE").country == "DE"


def eta(roadmap: Roadmap) -> float:
    return route(roadmap, Place(31.0, 121.002), Place(31.008, 121.01), profile=AMBULANCE_SIREN, at=AT).eta_s


def test_graphml_gives_the_same_times_plain_and_simplified(tmp_path: Path, draw: Draw):
    drawn = draw(NODES, WAYS, country="CN")
    save_roads(drawn, tmp_path / "plain.graphml")
    plain = load_roads(tmp_path / "plain.graphml", country="CN")
    assert same_roads(plain, drawn)
    assert eta(plain) == pytest.approx(eta(drawn), abs=0.003)  # a millisecond of rounding per arc

    # osmnx keeps ends, so the ring needs one: a spur at node 3
    spur = {6: (31.01, 121.02)}
    drawn = draw(NODES | spur, [*WAYS, (11, [3, 6], {"highway": "primary", "maxspeed": "60"})], country="CN")
    graph = drawn.graph.copy()
    for _, _, edge in graph.edges(data=True):
        edge.pop("arc")
    simple = osmnx.simplify_graph(graph)
    assert len(simple) < len(graph)
    osmnx.save_graphml(simple, tmp_path / "simple.graphml")
    cut = load_roads(tmp_path / "simple.graphml", country="CN")
    assert eta(cut) == pytest.approx(eta(drawn), abs=0.005)
    u, v, key = next((u, v, k) for u, v, k, edge in simple.edges(keys=True, data=True) if "geometry" in edge)
    assert len(cut.arcs_of((u, v, key))) > 1  # a closure may name the simplified edge and closes all its pieces


def same_roads(a: Roadmap, b: Roadmap) -> bool:
    def arcs(roadmap: Roadmap):
        return {(u, v, edge["highway"], round(edge["length"], 6)) for u, v, edge in roadmap.graph.edges(data=True)}

    return arcs(a) == arcs(b)


@pytest.mark.parametrize(
    "text", ["<graphml", "<graphml></graphml>", "<?xml version='1.0'?><graphml><graph><node id='a'/></graph></graphml>"]
)
def test_a_broken_graphml_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "bad.graphml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RefusedInput) as refused:
        load_roads(file)
    assert refused.value.key == "roads_malformed"


def test_pbf_and_xml_of_one_city_are_the_same_roads(shared_data: Path, auckland: Roadmap):
    pbf = load_roads(shared_data / "roads" / "auckland.osm.pbf")
    assert same(pbf.network, auckland.network)


def test_opening_roads_does_not_import_osmnx(tmp_path: Path):
    import subprocess
    import sys

    file = town_file(tmp_path)
    asked = (
        "import sys; from routing.roads import load_roads; import routing.ground, routing.rendezvous;"
        f"load_roads({str(file)!r}); sys.exit('osmnx' in sys.modules or 'geopandas' in sys.modules)"
    )
    assert shutil.which(sys.executable)
    assert subprocess.run([sys.executable, "-c", asked], check=False, timeout=60).returncode == 0
