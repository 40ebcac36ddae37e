"""The words between a vehicle and a hub, over one WebSocket (`/api/v1/unit`), JSON, tagged by "t".

vehicle -> hub
  {"t": "hello", "unit", "epoch", "next": n, "version", "boot", "lanes": {epoch: n...}}
                                   first message; n: lowest outbox seq the vehicle still has, of each lane
  {"t": "rows", "epoch", "rows": [{"seq", "at", "kind", "body", "who", "origin"}...], "link"}
  {"t": "ping", "n": k}
hub -> vehicle
  {"t": "welcome", "through": n, "now", "rate", "drill": bool, "version", "link", "lanes": {epoch: n...}, "last": {...},
   "hubs": [url...]}               the book holds an epoch's rows through n; `last`: epoch -> mark of row n, where known
                                   `hubs`: where hubs of the same book are, this one first; absent where there is one
  {"t": "ack", "epoch", "through": n}                            after commit, cumulative like TCP, for each epoch
  {"t": "snapshot" | "delta" | "beat", ...}                      the vehicle's own view (casebook/live.py)
  {"t": "pong", "n": k}
  {"t": "twin", "at"}                                            another device speaks as this unit
  {"t": "refused", "error", "facts", "zh", "en"}                 then the hub closes (4403)

The vehicle deletes a row only when it is acknowledged. The hub takes the rows of an epoch in order, each once.
Version 1 knew one epoch on a connection, and neither `version`, `boot`, `link`, `lanes`, `last` nor `twin`; both ends
speak it to whoever does not say 2. Words and fields that are not known are passed over.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

import msgspec

from casebook.errors import RefusedInput

VERSION = 2  # of these words
MAX_LANES = 100  # in a hello; an epoch's name is at most MAX_EPOCH characters
MAX_EPOCH = 64
MAX_ROWS = 500  # rows in one message
MAX_BYTES = 1 << 20  # of one message


class Hello(msgspec.Struct, tag="hello", tag_field="t", frozen=True):
    """`boot`: drawn when the agent began; `lanes`: the epochs beside the main one that still have rows."""

    unit: str
    epoch: str
    next: int
    version: int = 1
    boot: str = ""
    lanes: dict[str, int] = {}


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
    seq: int
    at: datetime
    kind: str
    body: dict[str, Any]
    who: str = ""
    origin: str = "device"


class Rows(msgspec.Struct, tag="rows", tag_field="t", frozen=True, gc=False):
    """`link`: as the welcome of this connection named it, so that an old capture is known as such."""

    epoch: str
    rows: list[OutboxRow]
    link: str = ""


class RowsCame(msgspec.Struct, tag="rows", tag_field="t", frozen=True, gc=False):
    """`Rows` as a hub hears them, each still unread."""

    epoch: str
    rows: msgspec.Raw
    link: str = ""


class Ping(msgspec.Struct, tag="ping", tag_field="t", frozen=True):
    n: int


FromVehicle = Hello | RowsCame | Ping
_decoder = msgspec.json.Decoder(FromVehicle)
_rows_decoder = msgspec.json.Decoder(list[OutboxRow])


def read_from_vehicle(raw: str | bytes) -> FromVehicle:
    """Decode one message, all but the rows. Raises RefusedInput naming what is wrong."""
    if len(raw) > MAX_BYTES:
        raise RefusedInput("bad_json", where="unit link", why=f"more than {MAX_BYTES} bytes")
    try:
        message = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise RefusedInput("bad_json", where="unit link", why=str(wrong)) from wrong
    if isinstance(message, Hello | RowsCame) and len(message.epoch) > MAX_EPOCH:
        raise RefusedInput("bad_field", where="unit link", field="epoch", why=f"more than {MAX_EPOCH} characters")
    if isinstance(message, Hello) and len(message.lanes) > MAX_LANES:
        raise RefusedInput("bad_field", where="unit link", field="lanes", why=f"more than {MAX_LANES}")
    return message


class Unread:
    """The rows of a message, for whoever's turn it is to read them; once.

    Of a fleet that presses thousands wait for their turn, and as bytes they take a tenth of the room: what is read when
    it is used is still at hand then.
    """

    __slots__ = ("_raw", "_rows")

    def __init__(self, raw: msgspec.Raw) -> None:
        self._raw, self._rows = raw, None

    def read(self) -> list[OutboxRow]:
        """Raises RefusedInput naming what is wrong with one."""
        if self._rows is None:
            self._rows = _read_rows(self._raw)
        return self._rows


def _read_rows(raw: msgspec.Raw) -> list[OutboxRow]:
    try:
        rows = _rows_decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise RefusedInput("bad_json", where="unit link", why=f"rows: {wrong}") from wrong
    for row in rows:
        if row.at.tzinfo is None:
            raise RefusedInput("bad_field", where="unit link", field="at", why="a time needs its zone")
    return rows


def mark_of(row: OutboxRow) -> int:
    """A number that is the same at both ends of the link for the same row: CRC-32 of its JSON."""
    return zlib.crc32(msgspec.json.encode(row))
