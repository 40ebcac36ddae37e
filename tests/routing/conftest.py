"""Small towns on paper, and the real cities of the sample data, opened once."""

from __future__ import annotations

from pathlib import Path

import pytest
from paper_towns import Draw, Nodes, Ways, osm_xml

from routing.roads import Roadmap, load_roads


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABOARD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Writes an OSM file of these nodes and ways and opens it."""

    def town(nodes: Nodes, ways: Ways, header: str = "", **about) -> Roadmap:
        file = tmp_path / "town.osm"
        file.write_text(osm_xml(nodes, ways, header), encoding="utf-8")
        return load_roads(file, **about)

    return town


@pytest.fixture(scope="session")
def auckland(shared_data: Path, _own_cache: None) -> Roadmap:
    return load_roads(shared_data / "roads" / "auckland.osm.gz")


@pytest.fixture(scope="session")
def heidelberg(shared_data: Path, _own_cache: None) -> Roadmap:
    return load_roads(shared_data / "roads" / "heidelberg.osm.pbf")


@pytest.fixture(scope="session")
def huangpu(shared_data: Path, _own_cache: None) -> Roadmap:
    return load_roads(shared_data / "roads" / "shanghai-huangpu-small.osm.gz", country="CN")
