"""Small pictures of the vehicles for the dispatcher's console, one a second, each made once for everybody who looks.

Nothing is sent unasked. A console asks the hub for what is newer than what it has; as long as somebody does, the hub
asks the vehicle for the next picture when the one before has come. So a picture is never older than the time since it
was asked for, whatever the clocks say and however long it lay in a tunnel, and a thin link never has two on their way.

hub -> vehicle      {"t": "ask", "n": 7}
vehicle -> hub      n (4 bytes, big-endian) and a JPEG; or {"t": "none", "n": 7, "why": "link_thin"}
console -> hub      {"n": 3, "have": {vehicle: number of the newest picture that it has, 0 for none}}
hub -> console      length of the JSON (4 bytes, big-endian),
                    {"n": 3, "pictures": [{"unit", "number", "age_ms", "bytes" or "why"}]}, the JPEGs one after another

`age_ms` is an upper bound, at the hub; the console adds the time since its own asking. Sockets are `thumbnail_door`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from casebook.errors import RefusedInput

HEIGHT_PX = 90
EVERY_S = 1.0
OVERDUE_S = 5.0  # an ask without an answer is given up for a new one
WATCHED_S = 3.0  # a console that has not looked for so long does not look any more
BYTES_MAX = 12 * 1024  # 160 x 90 pixels of the busiest film at hand take 3.3 kB
WORD_BYTES_MAX = 8 * 1024
UNITS_MAX = 64
ASKS_KEPT = 4  # an answer that comes after the next ask still counts, with its own age
_JPEG = b"\xff\xd8\xff"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class Ask(msgspec.Struct, tag="ask", tag_field="t", frozen=True):
    n: Number


class Nothing(msgspec.Struct, tag="none", tag_field="t", frozen=True):
    """`why`: link_thin (the ladder's rung is below stills), camera_lost."""

    n: Number
    why: Annotated[str, msgspec.Meta(max_length=20)]


class Look(msgspec.Struct, frozen=True):
    n: Number
    have: Annotated[dict[Name, Number], msgspec.Meta(max_length=UNITS_MAX)]


_looks, _nothings = msgspec.json.Decoder(Look), msgspec.json.Decoder(Nothing)


def read_look(raw: str | bytes) -> Look:
    """A console's word. Raises RefusedInput (`bad_json`)."""
    return _read(raw, _looks)


def _read(raw: str | bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    if len(raw) > WORD_BYTES_MAX:
        raise RefusedInput("bad_json", where="thumbnails", why=f"more than {WORD_BYTES_MAX} bytes")
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as wrong:
        raise RefusedInput("bad_json", where="thumbnails", why=str(wrong)) from wrong


@dataclass(frozen=True, slots=True)
class Small:
    """A vehicle's answer: a JPEG, or why there is none."""

    number: int
    asked_at_s: float
    jpeg: bytes = b""
    why: str = ""


class VehicleSeat:
    """A vehicle's socket: `next_ask` when a picture is wanted, `hear` what comes."""

    def __init__(self, unit: str, first: int, now_s: Callable[[], float], told: Callable[[Small], None]) -> None:
        self.unit, self._number, self._now_s, self._told = unit, first, now_s, told
        self._asked: dict[int, float] = {}  # the last ones, oldest first
        self._answered = first
        self._watched_until_s = float("-inf")
        self._news = asyncio.Event()

    def watch(self) -> None:
        """Somebody looks."""
        self._watched_until_s = self._now_s() + WATCHED_S
        self._news.set()

    async def next_ask(self) -> bytes:
        """The next ask, when its time has come: somebody looks, and the one before is answered or overdue."""
        while (wait_s := self.wait_s()) != 0.0:
            self._news.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                pass
        self._number += 1
        self._asked[self._number] = self._now_s()
        while len(self._asked) > ASKS_KEPT:
            del self._asked[next(iter(self._asked))]
        return msgspec.json.encode(Ask(self._number))

    def wait_s(self) -> float | None:
        """Until the next ask; None: until somebody looks."""
        now_s = self._now_s()
        if now_s >= self._watched_until_s:
            return None
        asked_at_s = self._asked.get(self._number, float("-inf"))
        return max(0.0, asked_at_s + (EVERY_S if self._answered == self._number else OVERDUE_S) - now_s)

    def hear(self, raw: str | bytes) -> None:
        """Take an answer; one to nothing that was asked lately changes nothing. Raises RefusedInput for nonsense."""
        if isinstance(raw, str):
            nothing = _read(raw, _nothings)
            self._take(nothing.n, b"", nothing.why)
        elif len(raw) > BYTES_MAX or raw[4:7] != _JPEG:
            raise RefusedInput("bad_json", where="thumbnails", why=f"no JPEG of at most {BYTES_MAX} bytes")
        else:
            self._take(int.from_bytes(raw[:4], "big"), raw[4:], "")

    def _take(self, number: int, jpeg: bytes, why: str) -> None:
        asked_at_s = self._asked.get(number)
        if asked_at_s is None or number <= self._answered:
            return
        self._answered = number
        self._told(Small(number, asked_at_s, jpeg, why))
        self._news.set()


class Thumbnails:
    """All vehicles of one hub. `now_s` is a monotonic clock. Each vehicle's newest answer is kept, with its age."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seats: dict[str, VehicleSeat] = {}
        self._newest: dict[str, Small] = {}

    def sit(self, unit: str) -> VehicleSeat:
        """A vehicle's seat; one that connects anew takes the place of its old connection. Numbers go on."""
        first = self._newest[unit].number if unit in self._newest else 0
        seat = VehicleSeat(unit, first, self._now_s, lambda small: self._newest.__setitem__(unit, small))
        self._seats[unit] = seat
        return seat

    def leave(self, seat: VehicleSeat) -> None:
        if self._seats.get(seat.unit) is seat:
            del self._seats[seat.unit]

    def look(self, look: Look) -> bytes:
        """The answer to a console: what is newer than what it has. Those it names are watched from now on."""
        told: list[dict[str, Any]] = []
        pictures: list[bytes] = []
        now_s = self._now_s()
        for unit, number in look.have.items():
            if (seat := self._seats.get(unit)) is not None:
                seat.watch()
            small = self._newest.get(unit)
            if small is not None and small.number != number:
                what = {"why": small.why} if small.why else {"bytes": len(small.jpeg)}
                age_ms = round((now_s - small.asked_at_s) * 1000)
                told.append({"unit": unit, "number": small.number, "age_ms": age_ms, **what})
                pictures.append(small.jpeg)
        head = msgspec.json.encode({"n": look.n, "pictures": told})
        return b"".join([len(head).to_bytes(4, "big"), head, *pictures])
