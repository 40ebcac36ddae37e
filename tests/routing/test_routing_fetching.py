"""Fetching roads through osmnx: from a map service on this machine, and from none."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from casebook.errors import FeedLost, RefusedInput
from routing.roads import load_roads, save_roads
from routing.roads.fetching import fetch_roads
from routing.roads.network import CONTRAFLOW, EMERGENCY

NODES = {1: (31.00, 121.00), 2: (31.00, 121.01), 3: (31.01, 121.01), 4: (31.01, 121.00)}
ANSWER = {
    "elements": [
        *({"type": "node", "id": id, "lat": lat, "lon": lon} for id, (lat, lon) in NODES.items()),
        {"type": "way", "id": 10, "nodes": [1, 2, 3], "tags": {"highway": "motorway", "ref": "G60"}},  # implied one-way
        {"type": "way", "id": 11, "nodes": [1, 4, 3], "tags": {"highway": "primary", "oneway": "-1", "name": "北街"}},
        {"type": "way", "id": 12, "nodes": [2, 4], "tags": {"highway": "service", "service": "emergency_access"}},
    ]
}


class MapService(BaseHTTPRequestHandler):
    """Answers as an Overpass server would."""

    answer: dict = ANSWER

    def do_GET(self) -> None:
        self._say(b"Connected as: 1\nCurrent time: now\nRate limit: 2\n\n2 slots available now.\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(json.dumps(self.answer).encode())

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[MapService]]:
    class Own(MapService): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("ABOARD_OVERPASS_URL", f"http://127.0.0.1:{server.server_port}/api")
    yield Own
    server.shutdown()
    thread.join()
    server.server_close()


BOX = (120.99, 30.99, 121.02, 31.02)


def test_fetched_roads_keep_our_reading_of_the_tags(service: type[MapService], tmp_path):
    roads = fetch_roads(BOX, name="Fengjing")
    assert {(u, v) for u, v, _ in roads.graph.edges} == {(1, 2), (2, 3), (3, 4), (4, 1), (2, 4), (4, 2)}
    bits = {roads.edge_of(arc)[:2]: int(roads.network.access[arc]) for arc in range(roads.network.arcs)}
    assert {edge for edge, access in bits.items() if access == EMERGENCY} == {(2, 4), (4, 2)}
    assert {edge for edge, access in bits.items() if access == CONTRAFLOW} == {(4, 3), (1, 4)}  # no motorway
    assert roads.country == "CN"
    save_roads(roads, tmp_path / "fetched.roads")
    assert load_roads(tmp_path / "fetched.roads").digest == roads.digest


def test_a_box_without_roads_is_refused(service: type[MapService]):
    service.answer = {"elements": []}
    with pytest.raises((FeedLost, RefusedInput)):
        fetch_roads(BOX)


def test_without_internet_the_refusal_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:  # bound, nobody listens: the next connection is refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ABOARD_OVERPASS_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/api")
        with pytest.raises(FeedLost) as lost:
            fetch_roads(BOX)
    assert lost.value.key == "no_internet"
    assert "aboard roads build" in lost.value.said("en")
