"""The words between a vehicle and a hub, over one WebSocket (`/api/v1/unit`), JSON, tagged by "t".

vehicle -> hub
  {"t": "hello", "unit", "epoch", "next": n}                  first message; n: lowest outbox seq the vehicle still has
  {"t": "rows", "epoch", "rows": [{"seq", "at", "kind", "body", "who", "origin"}...]}
  {"t": "ping", "n": k}
hub -> vehicle
  {"t": "welcome", "through": n, "now", "rate", "drill": bool}   the book holds this epoch's rows through n
  {"t": "ack", "epoch", "through": n}                            after commit, cumulative like TCP
  {"t": "snapshot" | "delta" | "beat", ...}                      the vehicle's own view (casebook/live.py)
  {"t": "pong", "n": k}
  {"t": "refused", "error", "facts", "zh", "en"}                 then the hub closes

The vehicle deletes a row only when it is acknowledged. The hub takes rows in order, each once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from casebook.errors import RefusedInput

MAX_ROWS = 500  # rows in one message
MAX_BYTES = 1 << 20  # of one message


class Hello(msgspec.Struct, tag="hello", tag_field="t", frozen=True):
    unit: str
    epoch: str
    next: int


class OutboxRow(msgspec.Struct, frozen=True):
    seq: int
    at: datetime
    kind: str
    body: dict[str, Any]
    who: str = ""
    origin: str = "device"


class Rows(msgspec.Struct, tag="rows", tag_field="t", frozen=True):
    epoch: str
    rows: list[OutboxRow]


class Ping(msgspec.Struct, tag="ping", tag_field="t", frozen=True):
    n: int


FromVehicle = Hello | Rows | Ping
_decoder = msgspec.json.Decoder(FromVehicle)


def read_from_vehicle(raw: str | bytes) -> FromVehicle:
    """Decode one message. Raises RefusedInput naming what is wrong."""
    if len(raw) > MAX_BYTES:
        raise RefusedInput("bad_json", where="unit link", why=f"more than {MAX_BYTES} bytes")
    try:
        message = _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise RefusedInput("bad_json", where="unit link", why=str(wrong)) from wrong
    if isinstance(message, Rows) and any(row.at.tzinfo is None for row in message.rows):
        raise RefusedInput("bad_field", where="unit link", field="at", why="a time needs its zone")
    return message
