"""What a road's signs allow of a vehicle's height, width and weight: reading the tags, and who fits.

Meanings and units: OpenStreetMap wiki, pages Key:maxheight, Key:maxwidth, Key:maxweight, as of 2025: metres and tonnes
where no unit stands. A sign that says nothing readable is unknown, and an unknown limit closes no road: the driver
sees the sign, and shutting every such road would send ambulances round for nothing.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from routing.profiles import Profile
from routing.roads.network import Network

METRES = {"": 1.0, "m": 1.0, "cm": 0.01, "ft": 0.3048, "'": 0.3048}
TONNES = {"": 1.0, "t": 1.0, "kg": 0.001, "lbs": 0.00045359237, "lb": 0.00045359237, "st": 0.90718474}  # st: short ton
FIGURE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z']*)$")
FEET = re.compile(r"(\d+)\s*(?:'|ft)\s*(\d+(?:\.\d+)?)\s*(?:\"|in|'')?$")
SIGNS = (("maxheight", "height_m", METRES), ("maxwidth", "width_m", METRES), ("maxweight", "weight_t", TONNES))


def sign_limit(word: str, units: dict[str, float]) -> float | None:
    """The limit that a tag states, in metres or tonnes; None when it states none that can be read."""
    word = word.strip().lower()
    feet = FEET.match(word) if units is METRES else None
    if feet:
        return int(feet[1]) * 0.3048 + float(feet[2]) * 0.0254
    figure = FIGURE.match(word)
    if not figure or figure[2] not in units:
        return None
    limit = float(figure[1].replace(",", ".")) * units[figure[2]]
    return limit if limit > 0 else None


def fits(network: Network, profile: Profile) -> NDArray[np.bool_] | None:
    """For each arc, whether the vehicle is within its signs; None when nothing of the vehicle is looked at."""
    fitting: NDArray[np.bool_] | None = None
    for tag, field, units in SIGNS:
        size = getattr(profile, field)
        if size is None:
            continue
        column = network.columns[tag]
        limits = (sign_limit(word, units) for word in column.words)
        passes = np.array([limit is None or size <= limit for limit in limits])[column.code[network.way]]
        fitting = passes if fitting is None else fitting & passes
    return fitting
