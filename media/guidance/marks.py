"""Say what a mark may be: its kind, its points, its colour, its words. Pure; needs nothing but the casebook.

Points are shares of the picture's width and height, 0 to 1, of the frame that the mark was drawn on. Colours are names;
what they look like, and the line that tells them apart without colour, is `media/browser/marks_ink.js`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from casebook.errors import RefusedInput

# kind -> fewest and most points. Ink is thinned out by the screen; 64 points draw any stroke that a finger makes.
KINDS = {"ink": (2, 64), "arrow": (2, 2), "text": (1, 1)}
COLOURS = (
    "yellow",
    "sky",
    "vermilion",
    "green",
)  # of the palette of Okabe and Ito (2008), readable for the colour-blind
TEXT_MAX = 24  # characters: words on a picture are a label, an order goes as an order
MARKS_MAX = 12  # in force at once: more hide the patient, and each costs the vehicle work
PLACES = 4  # decimals of a point: 0.1 pixel of 1280

Points = tuple[tuple[float, float], ...]


def check_mark(kind: str, points: Sequence[Sequence[float]], colour: str, text: str) -> tuple[Points, str]:
    """The points as kept and the text without blanks around. Raises RefusedInput (`bad_mark`) naming what is wrong."""
    if kind not in KINDS:
        raise RefusedInput("bad_mark", field="kind", why=kind[:20])
    fewest, most = KINDS[kind]
    if not fewest <= len(points) <= most:
        raise RefusedInput("bad_mark", field="points", why=f"{len(points)}, {fewest}..{most}")
    for point in points:
        if len(point) != 2 or not all(math.isfinite(share) and 0 <= share <= 1 for share in point):
            raise RefusedInput("bad_mark", field="points", why="0..1")
    if colour not in COLOURS:
        raise RefusedInput("bad_mark", field="colour", why=colour[:20])
    words = " ".join(text.split())
    if len(words) > TEXT_MAX or bool(words) != (kind == "text"):
        raise RefusedInput("bad_mark", field="text", why=f"{len(words)}, {'1' if kind == 'text' else '0'}..{TEXT_MAX}")
    return tuple((round(x, PLACES), round(y, PLACES)) for x, y in points), words
