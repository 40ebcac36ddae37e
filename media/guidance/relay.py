"""Pass guidance between a vehicle and whoever looks at its picture: places to the viewers, pointers to the vehicle.

Keeps nothing but who is there. A seat that is slow gets the newest places and misses those between; it never delays
another. Sockets are `door`'s, what is said is `wire`'s.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from media.guidance.wire import Hold, Viewers, read_from_vehicle, read_from_viewer

WAITING_MAX = 32  # words for one seat beside the newest places; the oldest go first
PER_S, BURST = 60.0, 120.0  # messages of one seat: 30 places or pointers a second, twice


class Seat:
    """One socket's place at a vehicle's picture. `next` gives what is to be sent to it."""

    def __init__(self, unit: str, who: str, *, is_vehicle: bool) -> None:
        self.unit, self.who, self.is_vehicle = unit, who, is_vehicle
        self._words: deque[bytes] = deque(maxlen=WAITING_MAX)
        self._places: bytes | None = None
        self._news = asyncio.Event()
        self._allowance, self._heard_s = BURST, 0.0

    def tell(self, word: bytes) -> None:
        self._words.append(word)
        self._news.set()

    def tell_places(self, places: bytes) -> None:
        self._places = places
        self._news.set()

    async def next(self) -> bytes:
        """The next word for this seat; waits for one."""
        while not self._words and self._places is None:
            self._news.clear()
            await self._news.wait()
        if self._words:
            return self._words.popleft()
        places, self._places = self._places, None
        assert places is not None
        return places

    def may_speak(self, now_s: float) -> bool:
        """Whether this seat has not said too much lately."""
        self._allowance = min(BURST, self._allowance + PER_S * max(0.0, now_s - self._heard_s))
        self._heard_s = now_s
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


class GuidanceRelay:
    """All vehicles of one hub. `now_s` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seats: dict[str, list[Seat]] = {}
        self._listeners: dict[str, list[Callable[[bytes], object]]] = {}
        self.dropped = 0  # words of seats that said too much

    def sit(self, unit: str, who: str, *, is_vehicle: bool = False) -> Seat:
        """Take a seat. A vehicle that connects anew takes the place of its old connection."""
        seats = self._seats.setdefault(unit, [])
        if is_vehicle:
            seats[:] = [seat for seat in seats if not seat.is_vehicle]
        seats.append(seat := Seat(unit, who, is_vehicle=is_vehicle))
        self._tell_viewers(unit)
        return seat

    def leave(self, seat: Seat) -> None:
        seats = self._seats.get(seat.unit, [])
        if seat not in seats:
            return
        seats.remove(seat)
        if not seats:
            del self._seats[seat.unit]
        if not seat.is_vehicle:
            self._tell_vehicle(seat.unit, {"t": "point", "frame": 0, "wall_ms": 0, "who": seat.who})
        self._tell_viewers(seat.unit)

    def hear(self, seat: Seat, raw: str | bytes) -> None:
        """Take a word of this seat and pass it on. Raises RefusedInput (`bad_json`) for what is none."""
        if not seat.may_speak(self._now_s()):
            self.dropped += 1
            return
        if seat.is_vehicle:
            places = msgspec.json.encode(read_from_vehicle(raw))
            for other in self._seats.get(seat.unit, []):
                if not other.is_vehicle:
                    other.tell_places(places)
            for listener in self._listeners.get(seat.unit, ()):
                listener(places)
            return
        word = read_from_viewer(raw)
        told = {"t": "hold" if isinstance(word, Hold) else "point", **msgspec.to_builtins(word), "who": seat.who}
        self._tell_vehicle(seat.unit, told)

    def listen(self, unit: str, listener: Callable[[bytes], object]) -> Callable[[], None]:
        """Tell `listener` every places word of a vehicle, until the returned function is called."""
        self._listeners.setdefault(unit, []).append(listener)

        def stop() -> None:
            if listener in (there := self._listeners.get(unit, [])):
                there.remove(listener)

        return stop

    def viewers(self, unit: str) -> list[str]:
        return sorted({seat.who for seat in self._seats.get(unit, []) if not seat.is_vehicle})

    def _tell_vehicle(self, unit: str, told: dict[str, object]) -> None:
        for seat in self._seats.get(unit, []):
            if seat.is_vehicle:
                seat.tell(msgspec.json.encode(told))

    def _tell_viewers(self, unit: str) -> None:
        seats = self._seats.get(unit, [])
        told = msgspec.json.encode(Viewers(self.viewers(unit), any(seat.is_vehicle for seat in seats)))
        for seat in seats:
            seat.tell(told)
