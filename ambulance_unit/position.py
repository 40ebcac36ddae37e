"""Where the vehicle is: a drill's leg followed by the clock, a base, or a receiver; and when it has arrived.

Sources stand behind one protocol; `nmea` reads a receiver's lines. What an arrival means is `mission`'s, recording it
the agent's.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import logging
import os
import stat
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from ambulance_unit.mission import Drive, View, drive_of, stands_at
from ambulance_unit.nmea import BadLine, Reading, read_line
from casebook.clock import Clock
from casebook.errors import RefusedInput
from casebook.place import Place, bearing_deg, distance_m

log = logging.getLogger(__name__)
# Near enough to the leg's end, and slow enough, to have arrived and not to be passing on the other carriageway.
# Customary geofence of vehicle location systems; no standard fixes it.
ARRIVED_WITHIN_M = 150.0
ARRIVED_BELOW_KMH = 15.0
FIX_LASTS_S = 10.0  # clock seconds after which a receiver's last fix is no position any more
REOPEN_S = 5.0  # between attempts to open a receiver that went away


@dataclass(frozen=True, slots=True)
class Fix:
    """WGS-84. `speed_kmh` and `heading_deg` (clockwise from north) are None when not known."""

    lat: float
    lon: float
    speed_kmh: float | None = None
    heading_deg: float | None = None

    @property
    def place(self) -> Place:
        return Place(self.lat, self.lon)


class PositionSource(Protocol):
    """`fix` is None when the place is not known. `arrived_at` says since when the drive's end is reached, or None."""

    def fix(self, at: datetime) -> Fix | None: ...

    def arrived_at(self, drive: Drive, now: datetime) -> datetime | None: ...

    async def run(self) -> None:
        """Listen to whatever the source listens to, until cancelled; sources that do not listen return at once."""
        ...


class FollowLeg:
    """A drill's vehicle: on its leg by the clock, exactly; otherwise where the last leg left it, or at its base.

    Knows nothing but the view and the time, so that a restarted vehicle is where it would have been.
    """

    def __init__(self, view: Callable[[], View], base: Place) -> None:
        self._view, self._base = view, base

    def fix(self, at: datetime) -> Fix:
        drive = drive_of(self._view())
        if drive is None or not drive.line:
            place = stands_at(self._view(), self._base)
            return Fix(place.lat, place.lon, 0.0)
        return along(drive, (at - drive.departed_at).total_seconds())

    def arrived_at(self, drive: Drive, now: datetime) -> datetime | None:
        arrival = drive.departed_at + timedelta(seconds=drive.eta_s)
        return arrival if arrival <= now else None

    async def run(self) -> None:
        return


class Standing:
    """A vehicle that stays where it is."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def fix(self, at: datetime) -> Fix:
        return Fix(self._place.lat, self._place.lon, 0.0)

    def arrived_at(self, drive: Drive, now: datetime) -> datetime | None:
        return now if has_arrived(drive, self.fix(now)) else None

    async def run(self) -> None:
        return


class Unknown:
    """A vehicle without a receiver: nobody knows where it is, so it reports no place and no arrival."""

    def fix(self, at: datetime) -> None:
        return None

    def arrived_at(self, drive: Drive, now: datetime) -> None:
        return None

    async def run(self) -> None:
        return


class Receiver:
    """A receiver's lines (NMEA 0183 or gpsd's JSON) from a serial device, a pipe, or a recorded file at its own pace.

    Lines that do not hold are skipped and counted. The line speed of a serial device is set by the system (stty).
    """

    def __init__(self, device: Path, clock: Clock) -> None:
        self.device, self._clock = device, clock
        self.read, self.skipped = 0, 0
        self._latest: tuple[datetime, Fix] | None = None

    def fix(self, at: datetime) -> Fix | None:
        if self._latest is None or (at - self._latest[0]).total_seconds() > FIX_LASTS_S * max(1.0, self._clock.rate):
            return None
        return self._latest[1]

    def arrived_at(self, drive: Drive, now: datetime) -> datetime | None:
        fix = self.fix(now)
        return self._latest[0] if fix and self._latest and has_arrived(drive, fix) else None

    def take(self, line: bytes) -> None:
        """One line; it may say nothing about the position."""
        try:
            reading = read_line(line)
        except BadLine:
            self.skipped += 1
            return
        self.read += 1
        if reading is not None:
            self._keep(reading)

    def _keep(self, reading: Reading) -> None:
        fix = Fix(reading.lat, reading.lon, reading.speed_kmh, reading.heading_deg)
        if self._latest is not None and fix.speed_kmh is None:  # GGA has no speed: RMC's of the same second stands
            last = self._latest[1]
            fix = replace(fix, speed_kmh=last.speed_kmh, heading_deg=last.heading_deg)
        self._latest = (self._clock.now(), fix)

    async def run(self) -> None:
        """Read until cancelled; open the device again when it went away. Raises RefusedInput when it never opened."""
        if not self.device.exists():
            raise RefusedInput("no_receiver", device=str(self.device))
        while True:
            try:
                await self._read_once()
            except OSError as why:
                log.warning("receiver %s: %s", self.device.name, why)
            await asyncio.sleep(REOPEN_S)

    async def _read_once(self) -> None:
        recorded = stat.S_ISREG(self.device.stat().st_mode)
        last_s: float | None = None
        async with contextlib.aclosing(_lines(self.device, recorded)) as lines:
            async for line in lines:
                if recorded and (second := _second_of(line)) is not None:
                    await self._clock.sleep(max(0.0, second - (second if last_s is None else last_s)))
                    last_s = second
                self.take(line)
        if recorded:
            await asyncio.Event().wait()  # a recording is played once


def _second_of(line: bytes) -> float | None:
    """The receiver's time of day in a line, for playing a recording at its own pace."""
    with contextlib.suppress(BadLine):
        reading = read_line(line)
        return reading.second_of_day if reading else None
    return None


async def _lines(device: Path, recorded: bool) -> AsyncGenerator[bytes, None]:
    if recorded:
        for line in await asyncio.to_thread(lambda: device.read_bytes().splitlines()):
            yield line
        return
    reader = asyncio.StreamReader(limit=4096)
    handle = os.open(device, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)  # opening must not wait for the other side
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(handle, "rb", buffering=0)
    )
    try:
        while line := await _next_line(reader):
            yield line
    finally:
        transport.close()


async def _next_line(reader: asyncio.StreamReader) -> bytes:
    """One line; an endless one (wrong line speed) is given in pieces, which then fail their checksum."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as long:
        return await reader.read(long.consumed)


def along(drive: Drive, passed_s: float) -> Fix:
    """The place `passed_s` seconds after departure: straight between the line's vertices, held at its ends."""
    line = drive.line
    after = bisect.bisect_right(line, passed_s, key=lambda vertex: vertex[2])
    if after == 0 or after == len(line):
        lon, lat, _ = line[0 if after == 0 else -1]
        return Fix(lat, lon, 0.0)
    (lon_a, lat_a, s_a), (lon_b, lat_b, s_b) = line[after - 1], line[after]
    share = (passed_s - s_a) / (s_b - s_a)
    a, b = Place(lat_a, lon_a), Place(lat_b, lon_b)
    speed_kmh = distance_m(a, b) / (s_b - s_a) * 3.6
    return Fix(lat_a + (lat_b - lat_a) * share, lon_a + (lon_b - lon_a) * share, speed_kmh, bearing_deg(a, b))


def has_arrived(drive: Drive, fix: Fix) -> bool:
    """The geofence: at the end of the leg's line (where the road ends that leads there), and no longer driving."""
    lon, lat, _ = drive.line[-1] if drive.line else (drive.to.lon, drive.to.lat, 0.0)
    slow = fix.speed_kmh is None or fix.speed_kmh < ARRIVED_BELOW_KMH
    return slow and distance_m(fix.place, Place(lat, lon)) <= ARRIVED_WITHIN_M
