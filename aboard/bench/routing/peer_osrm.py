"""The peer OSRM: its own executables prepare the same roads and answer over HTTP on the loopback, as users run it.

The sheet's graph is written as OSM ways (class by speed, `maxspeed` on each), extracted with OSRM's own car profile,
partitioned and customised (MLD, the flavour for live traffic). Its snapping, speeds and turn costs are its own, so
its answers are timed, not compared. A new metric means customising again and starting again, which is timed as a whole.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aboard.bench.play import BenchFailed
from aboard.bench.routing.paper import Paper
from aboard.bench.routing.stopwatch import once_ms, times_ms

BUDGET_S = 6.0
PREPARE_S, READY_S = 900.0, 60.0  # bounds: New York takes half a minute where nobody else works
CLASSES = ((90, "motorway"), (70, "primary"), (50, "secondary"), (0, "residential"))  # (km/h at least, highway=)
HOST = "127.0.0.1"
ANSWERED = ("Ok", "NoRoute")  # that it finds no way is an answer: its snapping and its closures are its own


def find_tools(folder: Path) -> Path | None:
    """The folder of osrm-extract and its kin below `folder` (where the wheel was unpacked), or None."""
    found = sorted(path for path in folder.rglob("osrm-extract") if path.is_file())
    return found[0].parent if found else None


def find_profile(folder: Path) -> Path | None:
    """OSRM's own car profile below `folder`, or None."""
    return next(iter(sorted(folder.rglob("car.lua"))), None)


def measure_osrm(paper: Paper, folder: Path, scratch: Path, budget_s: float = BUDGET_S) -> dict[str, Any]:
    """Prepare in `scratch`, ask, change, ask again. Raises BenchFailed where a step of OSRM's fails."""
    osrm = Osrm(paper, folder, scratch)
    told: dict[str, Any] = {"build_ms": [once_ms(osrm.prepare)]}
    ambulances, hospitals = paper.ambulances.tolist(), paper.hospitals.tolist()
    pairs = paper.pairs.tolist()
    with osrm.serving() as ask:
        one = lambda i: ask(osrm.table([ambulances[i % len(ambulances)]], hospitals))  # noqa: E731
        told["A"] = times_ms(one, budget_s=budget_s)
        told["E"] = times_ms(lambda i: ask(osrm.way(*pairs[i % len(pairs)])), budget_s=budget_s)
        told["B"] = times_ms(lambda _: ask(osrm.table(ambulances, hospitals)), budget_s=budget_s)
    told["D"] = [once_ms(lambda: osrm.after_change(paper.closed, np.zeros(len(paper.closed))))]
    changed = paper.kph * paper.ms / paper.updates[0]
    told["C"] = [once_ms(lambda: osrm.after_change(np.arange(len(paper.tail)), changed))]
    return told


class Osrm:
    """One OSRM in `scratch`: prepared once, served as often as asked."""

    def __init__(self, paper: Paper, folder: Path, scratch: Path) -> None:
        tools, profile = find_tools(folder), find_profile(folder)
        if tools is None or profile is None:
            raise BenchFailed(what="osrm", why=str(folder))
        self._paper, self._tools, self._profile, self._scratch = paper, tools, profile, scratch
        self._roads = scratch / "roads.osrm"

    def prepare(self) -> None:
        """From the sheet to a graph that can be served."""
        written = self._scratch / "roads.osm.pbf"
        write_ways(self._paper, written)
        self._run("osrm-extract", "-p", str(self._profile), "-t", "2", str(written))
        self._run("osrm-partition", str(self._roads))
        self._run("osrm-customize", str(self._roads))

    def after_change(self, rows: NDArray[np.int64], kph: NDArray[np.float64]) -> None:
        """New speeds for these arcs (0 = closed), customise, start, first answer of one ambulance."""
        speeds = self._scratch / "speeds.csv"
        tails, heads = self._paper.tail[rows] + 1, self._paper.head[rows] + 1
        lines = (f"{u},{v},{round(speed)}" for u, v, speed in zip(tails, heads, kph.tolist(), strict=True))
        speeds.write_text("\n".join(lines) + "\n", encoding="ascii")
        self._run("osrm-customize", str(self._roads), "--segment-speed-file", str(speeds))
        with self.serving() as ask:
            ask(self.table(self._paper.ambulances[:1].tolist(), self._paper.hospitals.tolist()))

    def table(self, sources: Sequence[int], targets: Sequence[int]) -> str:
        some = ";".join(map(str, range(len(sources))))
        others = ";".join(str(len(sources) + j) for j in range(len(targets)))
        return f"/table/v1/driving/{self._points([*sources, *targets])}?sources={some}&destinations={others}"

    def way(self, source: int, target: int) -> str:
        asked = "overview=full&geometries=geojson&steps=true&annotations=nodes"
        return f"/route/v1/driving/{self._points([source, target])}?{asked}"

    def _points(self, nodes: Sequence[int]) -> str:
        return ";".join(f"{self._paper.lon[node]:.6f},{self._paper.lat[node]:.6f}" for node in nodes)

    def _run(self, tool: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._tools / tool), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", check=False, timeout=PREPARE_S, cwd=self._scratch,
        )  # fmt: skip
        if done.returncode != 0:
            raise BenchFailed(what=tool, why=(done.stderr + done.stdout).strip()[-600:])

    @contextlib.contextmanager
    def serving(self) -> Iterator[Any]:
        """Serve on a free port of the loopback; gives ask(path) -> the decoded answer. Ends its process by itself."""
        port = free_port()
        words = ["-a", "mld", "-i", HOST, "-p", str(port), "-t", "2", "--max-table-size", "2000", str(self._roads)]
        command = [str(self._tools / "osrm-routed"), *words]
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            connection = _connected(server, port)
            yield lambda path: _answer(connection, path)
            connection.close()
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
            if server.poll() is None:
                server.kill()
                server.wait()


def write_ways(paper: Paper, file: Path) -> None:
    """The graph as OSM: one way per road, both directions where the way back is as fast; node ids are rows + 1."""
    import osmium
    from osmium.osm.mutable import Node, Way

    speed = np.clip(np.rint(paper.kph), 1, 140).astype(int)
    size = len(paper.lon)
    forth, back = paper.tail.astype(np.int64) * size + paper.head, paper.head.astype(np.int64) * size + paper.tail
    at = np.minimum(np.searchsorted(forth, back), len(forth) - 1)  # the sheet is ordered by tail and head
    both = (forth[at] == back) & (speed[at] == speed)
    with osmium.SimpleWriter(str(file)) as writer:
        for row, (lon, lat) in enumerate(zip(paper.lon.tolist(), paper.lat.tolist(), strict=True)):
            writer.add_node(Node(id=row + 1, version=1, location=(lon, lat)))
        for row in np.flatnonzero(~both | (paper.tail < paper.head)).tolist():
            kph = int(speed[row])
            tags = {"highway": next(word for least, word in CLASSES if kph >= least), "maxspeed": str(kph)}
            tags |= {} if both[row] else {"oneway": "yes"}
            nodes = [int(paper.tail[row]) + 1, int(paper.head[row]) + 1]
            writer.add_way(Way(id=row + 1, version=1, nodes=nodes, tags=tags))


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def _connected(server: subprocess.Popen[bytes], port: int) -> http.client.HTTPConnection:
    end_s = time.monotonic() + READY_S
    while time.monotonic() < end_s and server.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=READY_S)
        with contextlib.suppress(OSError):
            connection.connect()
            return connection
        time.sleep(0.01)
    raise BenchFailed(what="osrm-routed", why=f"exit code {server.poll()}")


def _answer(connection: http.client.HTTPConnection, path: str) -> dict[str, Any]:
    connection.request("GET", path)
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    if answer["code"] not in ANSWERED:
        raise BenchFailed(what="osrm-routed", why=str(answer)[:300])
    return answer
