"""The live words of guidance, over one WebSocket (`/api/v1/guidance/{unit}`), JSON, tagged by "t".

viewer -> hub -> vehicle
  {"t": "point", "frame", "wall_ms", "x", "y"}      where the viewer points on that frame; without x and y: not any more
  {"t": "hold", "frame", "wall_ms"}                 the viewer draws on that frame: keep it
  to the vehicle with "who", the viewer's name
vehicle -> hub -> viewers
  {"t": "places", "frame", "wall_ms", "marks": {mark: [9 numbers] | why}, "pointers": {who: [x, y]}, "tags": {...}}
                                                    where everything is on that frame; a matrix is row by row and leads
                                                    from shares of the frame drawn on to shares of this one
hub -> all
  {"t": "viewers", "names": [...], "vehicle": bool} who looks, and whether the vehicle is there

Nothing of this is kept: marks are facts (casebook/events/guidance.py), where they are is of the moment. What does not
fit is refused whole; a socket that sends such words is closed.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from casebook.errors import RefusedInput

MAX_BYTES = 16 * 1024  # of a message: twelve marks, a few pointers and tags take about 3 kB
NAMES_MAX = 24

Frame = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
WallMs = Annotated[int, msgspec.Meta(ge=0, le=2**48 - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Number = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Matrix = Annotated[list[Number], msgspec.Meta(min_length=9, max_length=9)]
Why = Annotated[str, msgspec.Meta(max_length=20)]
Point2 = tuple[Number, Number]


class Point(msgspec.Struct, tag="point", tag_field="t", frozen=True, omit_defaults=True):
    frame: Frame
    wall_ms: WallMs
    x: Share | None = None
    y: Share | None = None
    who: str = ""


class Hold(msgspec.Struct, tag="hold", tag_field="t", frozen=True, omit_defaults=True):
    frame: Frame
    wall_ms: WallMs
    who: str = ""


class PlacesTold(msgspec.Struct, tag="places", tag_field="t", frozen=True):
    frame: Frame
    wall_ms: WallMs
    marks: Annotated[dict[Name, Matrix | Why], msgspec.Meta(max_length=NAMES_MAX)] = {}
    pointers: Annotated[dict[Name, Point2], msgspec.Meta(max_length=NAMES_MAX)] = {}
    tags: Annotated[dict[Name, tuple[Point2, Point2, Point2, Point2]], msgspec.Meta(max_length=250)] = {}


class Viewers(msgspec.Struct, tag="viewers", tag_field="t", frozen=True):
    names: list[str]
    vehicle: bool


_from_viewer = msgspec.json.Decoder(Point | Hold)
_from_vehicle = msgspec.json.Decoder(PlacesTold)
_to_vehicle = msgspec.json.Decoder(Point | Hold | Viewers)


def read_from_viewer(raw: str | bytes) -> Point | Hold:
    """Raises RefusedInput (`bad_json`) naming what is wrong."""
    return _read(raw, _from_viewer)


def read_from_vehicle(raw: str | bytes) -> PlacesTold:
    return _read(raw, _from_vehicle)


def read_from_hub(raw: str | bytes) -> Point | Hold | Viewers:
    """What the vehicle hears."""
    return _read(raw, _to_vehicle)


def _read(raw: str | bytes, decoder):
    if len(raw) > MAX_BYTES:
        raise RefusedInput("bad_json", where="guidance", why=f"more than {MAX_BYTES} bytes")
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as wrong:
        raise RefusedInput("bad_json", where="guidance", why=str(wrong)) from wrong
