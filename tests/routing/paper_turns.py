"""Random small towns with forbidden turns, and the truth about them without any automaton."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from paper_towns import roadmap_of

from routing.engine import ABSENT_MS, UNREACHED
from routing.roads import Roadmap
from routing.roads.network import BUS, EMERGENCY, Network, replaced

SIZE = 7
PLACES = {n: (31 + 0.01 * (n // 3), 121 + 0.01 * (n % 3)) for n in range(SIZE)}
RING = [(n, (n + 1) % SIZE, None) for n in range(SIZE)]  # keeps every town in one strong part


@dataclass
class Town:
    roads: Roadmap
    weights_ms: np.ndarray

    @property
    def net(self) -> Network:
        return self.roads.network


def with_turns(roads: Roadmap, turns: list[tuple[list[int], int]]) -> Roadmap:
    """The same roads with these sequences of arcs forbidden, each with the access bits that it does not bind."""
    network = replaced(
        roads.network,
        turn_arcs=np.array([arc for arcs, _ in turns for arc in arcs], np.int32),
        turn_start=np.cumsum([0, *(len(arcs) for arcs, _ in turns)]).astype(np.int64),
        turn_exempt=np.array([exempt for _, exempt in turns], np.uint8),
    )
    return Roadmap(network, roads.report, name="turns", digest="1" * 64, attribution="")


def walk(network: Network, chance: random.Random, length: int) -> list[int]:
    """A random walk of this many arcs."""
    arcs = [chance.randrange(network.arcs)]
    while len(arcs) < length:
        leaving = np.flatnonzero(network.tail == network.head[arcs[-1]]).tolist()
        arcs.append(chance.choice(leaving))
    return arcs


@st.composite
def towns(draw, turns: bool = False) -> Town:
    node = st.integers(0, SIZE - 1)
    extra = draw(st.lists(st.tuples(node, node).filter(lambda ends: ends[0] != ends[1]), max_size=20))
    roads = roadmap_of(PLACES, RING + [(u, v, None) for u, v in extra])
    weight = st.one_of(st.integers(1, 50), st.just(ABSENT_MS))
    count = roads.network.arcs
    weights = np.array(draw(st.lists(weight, min_size=count, max_size=count)), np.int64)
    if turns:
        chance = random.Random(draw(st.integers(0, 2**32)))
        lengths = draw(st.lists(st.sampled_from((2, 2, 3, 4)), min_size=1, max_size=12))
        made = [(walk(roads.network, chance, length), chance.choice((0, 0, BUS, EMERGENCY))) for length in lengths]
        roads = with_turns(roads, made)
    return Town(roads, weights)


def all_pairs(town: Town, bound: np.ndarray | None = None) -> np.ndarray:
    """Times between all nodes by remembering the last arcs driven, and looking at every turn at every step."""
    net = town.net
    forbidden = [tuple(net.turn(turn).tolist()) for turn in range(net.turns) if bound is None or bound[turn]]
    memory = max((len(turn) for turn in forbidden), default=1) - 1
    times = [_from(town, node, forbidden, memory) for node in range(net.nodes)]
    return np.array([[row.get(node, UNREACHED) for node in range(net.nodes)] for row in times])


def _from(town: Town, start: int, forbidden: list[tuple[int, ...]], memory: int) -> dict[int, int]:
    net = town.net
    waiting: list[tuple[int, int, tuple[int, ...]]] = [(0, start, ())]
    seen: set[tuple[int, tuple[int, ...]]] = set()
    best: dict[int, int] = {}
    while waiting:
        ms, node, driven = heapq.heappop(waiting)
        if (node, driven) in seen:
            continue
        seen.add((node, driven))
        best.setdefault(node, ms)
        for arc in np.flatnonzero(net.tail == node).tolist():
            now = (*driven, arc)
            if town.weights_ms[arc] < ABSENT_MS and not any(now[-len(turn) :] == turn for turn in forbidden):
                last = now[-memory:] if memory else ()
                heapq.heappush(waiting, (ms + int(town.weights_ms[arc]), int(net.head[arc]), last))
    return best


def allowed(town: Town, arcs: list[int], bound: np.ndarray | None = None) -> bool:
    """Whether driving these arcs one after the other breaks no turn."""
    net = town.net
    forbidden = [net.turn(turn).tolist() for turn in range(net.turns) if bound is None or bound[turn]]
    return not any(arcs[at : at + len(turn)] == turn for turn in forbidden for at in range(len(arcs) - len(turn) + 1))
