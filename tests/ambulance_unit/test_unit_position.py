"""Where the vehicle is: the leg by the clock, a receiver's lines, and when it has arrived."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_fakes import until
from unit_story import BASE, SCENE, START, Story, leg

from ambulance_unit import position
from ambulance_unit.mission import Drive
from ambulance_unit.nmea import BadLine, checksum, read_line
from ambulance_unit.position import ARRIVED_BELOW_KMH, Fix, FollowLeg, Receiver, Standing, along, has_arrived
from casebook import events as e
from casebook.clock import JumpClock, WallClock
from casebook.errors import RefusedInput
from casebook.place import Place, bearing_deg, distance_m

LEG = leg(SCENE, BASE, 240)
DRIVE = Drive(START, LEG.line, LEG.eta_s, SCENE)


def seconds(n: float):
    return START + timedelta(seconds=n)


# --- the leg


def test_on_the_leg_by_the_clock():
    story = Story().called().assigned(minute=0).tell(e.UnitEnRoute("A01"), minute=0)
    source = FollowLeg(story.view, BASE)
    half = source.fix(seconds(120))
    assert half.lat == pytest.approx((BASE.lat + SCENE.lat) / 2)
    assert half.heading_deg == pytest.approx(bearing_deg(BASE, SCENE), abs=0.1)
    assert half.speed_kmh == pytest.approx(distance_m(BASE, SCENE) / 240 * 3.6, rel=0.01)


def test_the_arrival_is_at_the_exact_instant_and_not_before():
    source = FollowLeg(dict, BASE)
    assert source.arrived_at(DRIVE, seconds(239.99)) is None
    assert source.arrived_at(DRIVE, seconds(300)) == seconds(240)


def test_without_a_leg_a_vehicle_stands_at_its_base():
    assert FollowLeg(Story().view, BASE).fix(START) == Fix(BASE.lat, BASE.lon, 0.0)
    assert Standing(BASE).fix(START).place == BASE.__class__(BASE.lat, BASE.lon)


@given(st.floats(-100, 500))
def test_it_never_leaves_its_line(passed_s: float):
    fix = along(DRIVE, passed_s)
    assert min(BASE.lat, SCENE.lat) - 1e-9 <= fix.lat <= max(BASE.lat, SCENE.lat) + 1e-9


@given(st.lists(st.floats(0, 240), min_size=2, max_size=8))
def test_it_never_drives_backwards(times: list[float]):
    gone = [distance_m(BASE, along(DRIVE, s).place) for s in sorted(times)]
    assert all(b >= a - 1e-6 for a, b in pairwise(gone))


def test_vertices_at_the_same_second_do_no_harm():
    drive = Drive(START, ((121.0, 30.9, 0.0), (121.0, 30.9, 0.0), (121.1, 30.9, 60.0), (121.1, 30.9, 60.0)), 60, SCENE)
    assert [round(along(drive, s).lon, 3) for s in (0, 30, 60, 90)] == [121.0, 121.05, 121.1, 121.1]


# --- the geofence


def at_end(metres_north: float, speed_kmh: float | None) -> Fix:
    return Fix(SCENE.lat + metres_north / 111_195, SCENE.lon, speed_kmh)


def test_near_and_slow_is_arrived():
    assert has_arrived(DRIVE, at_end(100, 5))
    assert has_arrived(DRIVE, at_end(100, None))


def test_passing_on_the_other_carriageway_is_not_arrived():
    assert not has_arrived(DRIVE, at_end(30, 80))
    assert not has_arrived(DRIVE, at_end(30, ARRIVED_BELOW_KMH))


def test_far_is_not_arrived():
    assert not has_arrived(DRIVE, at_end(200, 0))


# --- lines


def nmea(body: str) -> bytes:
    return f"${body}*{checksum(body):02X}\r\n".encode()


RMC = nmea("GNRMC,013000.00,A,3051.7800,N,12100.0600,E,021.6,231.5,180421,,,A")


def test_a_minimum_sentence_gives_place_speed_and_heading():
    reading = read_line(RMC)
    assert reading is not None
    assert (reading.lat, reading.lon) == (pytest.approx(30.863), pytest.approx(121.001))
    assert (reading.speed_kmh, reading.heading_deg) == (pytest.approx(40.0, abs=0.01), 231.5)
    assert reading.second_of_day == 5400


def test_the_published_example_of_a_gga_sentence_is_read():
    reading = read_line(b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47")
    assert reading is not None
    assert (reading.lat, reading.lon) == (pytest.approx(48.1173), pytest.approx(11.516667))


def test_south_and_west_are_negative():
    reading = read_line(nmea("GPGGA,013000,3651.0000,S,00110.5000,W,1,08,0.9,5,M,0,M,,"))
    assert reading is not None
    assert (reading.lat, reading.lon) == (pytest.approx(-36.85), pytest.approx(-1.175))


def test_gpsd_reports_are_read():
    reading = read_line(b'{"class":"TPV","mode":3,"lat":30.863,"lon":121.001,"speed":10,"track":90}')
    assert reading is not None and (reading.speed_kmh, reading.heading_deg) == (36, 90)


@pytest.mark.parametrize(
    "line",
    [
        nmea("GPRMC,013000.00,V,,,,,,,180421,,,N"),
        nmea("GPGGA,013000,,,,,0,00,,,M,,M,,"),
        nmea("GPGSV,3,1,11"),
        b'{"class":"SKY","satellites":[]}',
        b'{"class":"TPV","mode":1}',
        b"\r\n",
    ],
)
def test_a_sound_line_without_a_fix_says_no_place(line: bytes):
    assert read_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        RMC.replace(b"3051", b"3061"),  # one digit flipped on the way
        b"$GPRMC,013000.00,A,3051.7800,N,12100.0600,E,021.6,231.5,180421,,,A",  # no checksum
        nmea("GPRMC,013000.00,A,3075.0000,N,12100.0600,E,0,0,180421,,,A"),  # 75 minutes
        nmea("GPRMC,013000.00,A,9951.7800,N,12100.0600,E,0,0,180421,,,A"),  # off the earth
        nmea("GPRMC,013000.00,A,3051.7800,X,12100.0600,E,0,0,180421,,,A"),
        nmea("GPRMC,013000.00,A,3051.7800,N,12100.0600,E,nan,0,180421,,,A"),
        nmea("GPRMC,A"),
        b"\xff\xfe$*00",
        b'{"class":"TPV","mode":3,"lat":1e999,"lon":1}',
        b'{"class":"TPV","mode":3}',
        b"[" * 100_000,
    ],
)
def test_a_malformed_line_is_refused(line: bytes):
    with pytest.raises(BadLine):
        read_line(line)


@given(st.binary(max_size=120))
def test_no_bytes_break_the_reader(line: bytes):
    with contextlib.suppress(BadLine):
        read_line(line)


# --- a receiver


def test_malformed_lines_are_skipped_and_counted():
    receiver = Receiver(Path("none"), WallClock())
    for line in (b"rubbish", RMC, RMC[:-4] + b"00\r\n", nmea("GPGSV,3,1,11")):
        receiver.take(line)
    assert (receiver.read, receiver.skipped) == (2, 2)
    fix = receiver.fix(WallClock().now())
    assert fix is not None and fix.lat == pytest.approx(30.863)


def test_speed_is_kept_when_the_next_sentence_has_none():
    receiver = Receiver(Path("none"), WallClock())
    receiver.take(RMC)
    receiver.take(nmea("GNGGA,013000.00,3051.7800,N,12100.0600,E,1,08,0.9,5,M,0,M,,"))
    fix = receiver.fix(WallClock().now())
    assert fix is not None and fix.speed_kmh == pytest.approx(40.0, abs=0.01)


def test_an_old_fix_is_no_position_any_more():
    clock = JumpClock(START)
    receiver = Receiver(Path("none"), clock)
    receiver.take(RMC)
    assert receiver.fix(seconds(9)) is not None
    assert receiver.fix(seconds(11)) is None
    assert receiver.arrived_at(DRIVE, seconds(11)) is None


def test_a_receiver_has_arrived_at_the_instant_of_its_fix():
    clock = JumpClock(START)
    receiver = Receiver(Path("none"), clock)
    receiver.take(nmea("GNRMC,013000.00,A,3051.7800,N,12100.0600,E,000.5,231.5,180421,,,A"))
    assert receiver.arrived_at(DRIVE, seconds(3)) == START


async def test_a_recorded_track_is_played_at_its_own_pace(tmp_path: Path):
    track = tmp_path / "track.nmea"
    sentences = [f"GNRMC,0130{s:02d}.00,A,3051.{780 + s:04d},N,12100.0600,E,021.6,231.5,180421,,,A" for s in (0, 5, 20)]
    track.write_bytes(b"".join(nmea(one) for one in sentences))
    clock = PatientClock()
    receiver = Receiver(track, clock)
    playing = asyncio.create_task(receiver.run())
    await until(lambda: receiver.read == 3)
    playing.cancel()
    assert clock.slept == [0, 5, 15]


class PatientClock(JumpClock):
    """A clock that notes how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        super().__init__(START)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_serial_device_is_read_line_by_line_and_opened_again_when_it_went_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(position, "REOPEN_S", 0.02)
    device = tmp_path / "gps"

    def plug_in() -> tuple[int, int]:
        ours, theirs = os.openpty()  # theirs stays open here too, so that what is written waits for its reader
        tty.setraw(theirs)
        device.unlink(missing_ok=True)
        device.symlink_to(os.ttyname(theirs))
        return ours, theirs

    def unplug(*ends: int) -> None:
        for end in ends:
            os.close(end)

    ends = plug_in()
    receiver = Receiver(device, WallClock())
    reading = asyncio.create_task(receiver.run())
    try:
        os.write(ends[0], RMC[:20])
        os.write(ends[0], RMC[20:] + b"noise\n")
        await until(lambda: receiver.read == 1 and receiver.skipped == 1)
        unplug(*ends)
        ends = plug_in()
        os.write(ends[0], RMC)
        await until(lambda: receiver.read == 2)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        unplug(*ends)


async def test_a_receiver_that_is_not_there_is_told():
    with pytest.raises(RefusedInput) as caught:
        await Receiver(Path("/dev/no-such-receiver"), WallClock()).run()
    assert caught.value.key == "no_receiver"


def test_a_place_without_a_line_is_arrived_at_by_the_place():
    drive = Drive(START, (), 60, Place(SCENE.lat, SCENE.lon))
    assert has_arrived(drive, at_end(10, 0))
