"""Shortest times between nodes over whole-millisecond weights, behind one interface with three back ends.

networkx's Dijkstra is the truth; scipy's gives equal times; the customizable contraction hierarchy gives them
thousands of times faster and is the default where its wheel is installed. A time of ABSENT_MS (24.8 days) or more is no
way for all three, so that 32-bit sums cannot run over unseen. Places, snapping, closures and siren are turned into
weights before they get here (routing/costs.py), forbidden turns into the graph (routing/topology.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from routing.engine.asking import NEVER_MS, UNREACHED, Engine, SearchEngine
from routing.engine.networkx_engine import NetworkxEngine
from routing.engine.scipy_engine import ScipyEngine
from routing.roads.roadmap import Roadmap
from routing.topology import ABSENT_MS, Topology, topology_of

__all__ = ["ABSENT_MS", "DEFAULT_ENGINE", "ENGINES", "NEVER_MS", "UNREACHED", "Engine", "open_engine"]

Opener = Callable[[Topology, NDArray[np.int64], "NDArray[np.bool_] | None"], SearchEngine]


def _engines() -> dict[str, Opener]:
    """By name, the default first: the hierarchy where its wheel is there for this machine, else scipy."""
    known: dict[str, Opener] = {"scipy": ScipyEngine, "networkx": NetworkxEngine}
    try:
        import pyroutingkit  # noqa: F401 - only whether it is there
    except ImportError:
        return known
    from routing.engine.cch import CchEngine

    return {"cch": CchEngine} | known


ENGINES = _engines()
DEFAULT_ENGINE = next(iter(ENGINES))


def open_engine(
    roadmap: Roadmap,
    weights_ms: NDArray[np.int64],
    name: str = DEFAULT_ENGINE,
    *,
    bound: NDArray[np.bool_] | None = None,
) -> SearchEngine:
    """An engine of this name over these weights (ms per network arc, ABSENT_MS = may not be driven).

    `bound`: for each forbidden turn of the network, whether it binds the vehicle; None = all do. Raises RefusedInput
    `bad_field` for an unknown name.
    """
    if name not in ENGINES:
        raise RefusedInput("bad_field", where="routing", field="engine", why=f"{name}: {', '.join(ENGINES)}")
    return ENGINES[name](topology_of(roadmap), weights_ms, bound)
