"""Put kilometre posts beside the labelled roads, so that a closure can be told by road number and kilometre.

Pure. The kilometres are the drawn line's own length from a stated beginning: good to the accuracy in the labels, not a
survey. Reading posts back is left to routing/roads/kmposts.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from scenarios.regions.carriageways import Works, along
from scenarios.regions.table import Line, Point, metres


def add_milestones(works: Works, lines: Iterable[Line], at: Mapping[int, Point], numbered: Mapping[str, Any]) -> None:
    """A post at every whole step of kilometres, on the road's centre line, from its stated beginning to its end."""
    line = next(line for line in lines if line.id == numbered["line"])
    places = [at[vertex] for vertex in line.vertices]
    lat, lon = numbered["begins"]
    if metres(places[-1], (lat, lon)) < metres(places[0], (lat, lon)):
        places.reverse()
    for km, place in _posts(places, float(numbered["km"]), float(numbered["every_km"])):
        tags = {"highway": "milestone", "ref": str(numbered["ref"]), "distance": f"{km:g}"}
        note = f"approximate, within {numbered['accuracy_m']} m"
        works.posts.append(works.node(place, {**tags, "note": note, "source": str(numbered["source"])}))


def _posts(places: Sequence[Point], first_km: float, every_km: float) -> Iterator[tuple[float, Point]]:
    number, gone_km = math.ceil(first_km / every_km), first_km
    for a, b in pairwise(places):
        step_km = metres(a, b) / 1000
        while number * every_km <= gone_km + step_km:
            yield number * every_km, along(a, b, (number * every_km - gone_km) / step_km)
            number += 1
        gone_km += step_km
