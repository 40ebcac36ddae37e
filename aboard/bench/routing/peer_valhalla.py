"""The peer Valhalla: its own executables build tiles of the same roads and answer over HTTP on the loopback.

Its costing, snapping and turn costs are its own, so its answers are timed, not compared. New speeds on all roads need
a memory-mapped file of its own edge numbering, so that case is left out; closures are points to stay off, given anew
with each question, as its interface wants them.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aboard.bench.play import BenchFailed
from aboard.bench.routing.paper import Paper
from aboard.bench.routing.peer_osrm import BUDGET_S, HOST, PREPARE_S, READY_S, free_port, write_ways
from aboard.bench.routing.stopwatch import once_ms, times_ms

ANSWER_S = 300.0
MOST_PAIRS, MOST_M, MOST_EXCLUDED = 100_000, 2_000_000, 1_000  # its own defaults would refuse the questions
NO_WAY = (154, 442)  # its words for "too far" and "no path": its snapping is its own
Ask = Callable[[str, dict[str, Any]], dict[str, Any]]


def find_tools(folder: Path) -> Path | None:
    """The folder of valhalla_service and its kin below `folder` (where the wheel was unpacked), or None."""
    found = [path for path in folder.rglob("valhalla_build_tiles") if path.is_file() and not _is_script(path)]
    return found[0].parent if found else None


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def measure_valhalla(paper: Paper, folder: Path, scratch: Path, budget_s: float = BUDGET_S) -> dict[str, Any]:
    """Build in `scratch`, then ask. Raises BenchFailed where a step of Valhalla's fails."""
    valhalla = Valhalla(paper, folder, scratch)
    told: dict[str, Any] = {"build_ms": [once_ms(valhalla.build)]}
    ambulances, hospitals, pairs = paper.ambulances.tolist(), paper.hospitals.tolist(), paper.pairs.tolist()
    closed = valhalla.closed()
    with valhalla.serving() as ask:
        one = lambda i: [ambulances[i % len(ambulances)]]  # noqa: E731
        told["A"] = times_ms(lambda i: ask(*valhalla.table(one(i), hospitals)), budget_s=budget_s)
        told["E"] = times_ms(lambda i: ask(*valhalla.way(*pairs[i % len(pairs)])), budget_s=budget_s)
        told["D"] = times_ms(lambda i: ask(*valhalla.table(one(i), hospitals, closed)), budget_s=budget_s)
        if budget_s >= BUDGET_S:  # takes minutes
            told["B"] = [once_ms(lambda: ask(*valhalla.table(ambulances, hospitals)))]
    return told


class Valhalla:
    """One Valhalla in `scratch`: built once, served as often as asked."""

    def __init__(self, paper: Paper, folder: Path, scratch: Path) -> None:
        tools = find_tools(folder)
        makers = sorted(folder.rglob("valhalla_build_config.py"))
        if tools is None or not makers:
            raise BenchFailed(what="valhalla", why=str(folder))
        self._paper, self._tools, self._maker, self._scratch = paper, tools, makers[0], scratch

    def build(self) -> None:
        """From the sheet to tiles that can be served."""
        roads = self._scratch / "roads.osm.pbf"
        write_ways(self._paper, roads)
        self._configure(port=0)
        self._run(str(self._tools / "valhalla_build_tiles"), "-c", str(self._config), "-j", "2", str(roads))

    def closed(self) -> list[dict[str, float]]:
        """The middle of every closed arc."""
        paper, rows = self._paper, self._paper.closed
        lat, lon = (some[paper.tail[rows]] / 2 + some[paper.head[rows]] / 2 for some in (paper.lat, paper.lon))
        return [{"lat": y, "lon": x} for y, x in zip(lat.tolist(), lon.tolist(), strict=True)]

    def table(
        self, sources: Sequence[int], targets: Sequence[int], off: Sequence[dict[str, float]] = ()
    ) -> tuple[str, dict[str, Any]]:
        asked = {"sources": self._points(sources), "targets": self._points(targets), "costing": "auto"}
        return "/sources_to_targets", asked | ({"exclude_locations": list(off)} if off else {})

    def way(self, source: int, target: int) -> tuple[str, dict[str, Any]]:
        return "/route", {"locations": self._points([source, target]), "costing": "auto", "shape_format": "geojson"}

    def _points(self, nodes: Sequence[int]) -> list[dict[str, float]]:
        return [{"lat": float(self._paper.lat[node]), "lon": float(self._paper.lon[node])} for node in nodes]

    @property
    def _config(self) -> Path:
        return self._scratch / "valhalla.json"

    def _configure(self, port: int) -> None:
        """Its own maker's configuration, with our folder, port and limits."""
        made: dict[str, Any] = json.loads(self._run(sys.executable, str(self._maker)))
        made["mjolnir"]["tile_dir"] = str(self._scratch / "tiles")
        made["httpd"]["service"]["listen"] = f"tcp://{HOST}:{port}"
        for name in ("loopback", "interrupt"):
            made["httpd"]["service"][name] = f"ipc://{self._scratch}/{name}"
        for stage in ("loki", "thor", "odin"):
            made[stage]["service"]["proxy"] = f"ipc://{self._scratch}/{stage}"
        limits = made["service_limits"]
        limits["max_exclude_locations"] = MOST_EXCLUDED
        limits["auto"] |= {
            "max_matrix_location_pairs": MOST_PAIRS, "max_matrix_distance": MOST_M, "max_distance": MOST_M,
        }  # fmt: skip
        self._config.write_text(json.dumps(made), encoding="utf-8")

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=PREPARE_S, cwd=self._scratch,
        )  # fmt: skip
        if done.returncode != 0:
            raise BenchFailed(what=Path(words[0]).name, why=(done.stderr + done.stdout).strip()[-600:])
        return done.stdout

    @contextlib.contextmanager
    def serving(self) -> Iterator[Ask]:
        """Serve on a free port of the loopback, two workers; gives ask(path, question). Ends its process by itself."""
        port = free_port()
        self._configure(port)
        words = [str(self._tools / "valhalla_service"), str(self._config), "2"]
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, cwd=self._scratch)
        try:
            connection = _connected(server, port)
            yield lambda path, question: _answer(connection, path, question)
            connection.close()
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
            if server.poll() is None:
                server.kill()
                server.wait()


def _connected(server: subprocess.Popen[bytes], port: int) -> http.client.HTTPConnection:
    """Ready when it answers its own status: it listens before its workers are there."""
    end_s = time.monotonic() + READY_S
    while time.monotonic() < end_s and server.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_S)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/status")
            if connection.getresponse().read():
                return connection
        time.sleep(0.05)
    raise BenchFailed(what="valhalla_service", why=f"exit code {server.poll()}")


def _answer(connection: http.client.HTTPConnection, path: str, question: dict[str, Any]) -> dict[str, Any]:
    connection.request("POST", path, json.dumps(question), {"Content-Type": "application/json"})
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    if "error_code" in answer and answer["error_code"] not in NO_WAY:
        raise BenchFailed(what="valhalla_service", why=str(answer)[:300])
    return answer
