"""The record of waves is complete and bit-exact in the end, and tells what came how and what is missing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.clock import JumpClock
from casebook.errors import NotFound, RefusedInput
from media.held import Held
from media.wave_file import How, WaveFile, framed, read_kept, unframed
from media.wave_record import FREE_BYTES, KEEP_DAYS, NoRoom, WaveRecords
from media.waveforms import PACKET_BYTES_MAX, ChannelWave, WaveKind, WavePacket, decode, encode, peek

RUN = 0xA1B2C3D4
NOW = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
LEADS = [kind for kind in WaveKind if kind <= WaveKind.ECG_V6]
SLOW = [WaveKind.PLETH, WaveKind.CO2, WaveKind.ABP, WaveKind.CVP, WaveKind.PAP]


def full_packet(sequence: int, run: int = RUN) -> bytes:
    """12 leads at 500 Hz, pleth, CO2 and three pressures at 125 Hz: 40 ms of noise that no two packets share."""
    rng = np.random.default_rng(sequence)
    fast = (ChannelWave(kind, 500, sequence * 20, rng.uniform(-2, 2, 20)) for kind in LEADS)
    slow = (ChannelWave(kind, 125, sequence * 5, rng.uniform(0, 1, 5)) for kind in SLOW)
    return encode(WavePacket(sequence, 1_618_709_700_000 + 40 * sequence, (*fast, *slow), run))


def test_a_full_packet_fits_and_names_its_run() -> None:
    packet = full_packet(7)
    assert len(packet) == 890 <= PACKET_BYTES_MAX
    assert peek(packet) == (7, RUN) and decode(packet).run == RUN and len(decode(packet).channels) == 17


def test_a_packet_of_the_first_version_still_comes_out_without_a_run() -> None:
    now = full_packet(3)
    then = now[:2] + b"\x01" + now[3:16] + now[20:]
    assert peek(then) == (3, 0)
    assert [wave.samples.tolist() for wave in decode(then).channels] == [
        wave.samples.tolist() for wave in decode(now).channels
    ]


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(0, 60), st.integers(0, 60))
def test_what_is_held_and_what_is_missing_make_the_whole(numbers: list[int], first: int, end: int) -> None:
    held = Held()
    assert [held.add(number) for number in numbers] == [
        number not in numbers[:place] for place, number in enumerate(numbers)
    ]
    assert held.count == len(set(numbers)) and held.end == max(numbers, default=-1) + 1
    missing = [number for begin, stop in held.missing(first, end) for number in range(begin, stop)]
    assert missing == [number for number in range(first, end) if number not in set(numbers)]
    assert all(number in held for number in numbers)


def test_a_file_gives_back_what_was_written_and_cuts_a_torn_end_off(tmp_path: Path) -> None:
    file = WaveFile(tmp_path / "a.awr", RUN)
    packets = [full_packet(n) for n in range(20)]
    for packet in packets:
        file.add(packet, How.LIVE)
    file.close()
    whole = file.file.read_bytes()
    file.file.write_bytes(whole[:-100])  # the power went
    assert [kept.message for kept in read_kept(file.file)] == packets[:-1]
    again = WaveFile(file.file, RUN)
    assert [sequence for sequence, _ in again.found] == list(range(19))
    again.add(packets[-1], How.BACK_FILLED)
    again.close()
    assert [kept.message for kept in read_kept(file.file)] == packets
    with pytest.raises(RefusedInput):
        WaveFile(file.file, RUN + 1)


@given(st.data())
def test_a_changed_byte_is_found(data: st.DataObject) -> None:
    raw = bytearray(framed(full_packet(1), How.LIVE))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        assert [kept.message for kept in unframed(raw) if kept.message != full_packet(1)] == []
    except RefusedInput as found:
        assert found.key in ("wave_file_damaged", "waves_malformed")


# --- the record


@pytest.fixture
def began() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def records(tmp_path: Path, began) -> Iterator[WaveRecords]:
    kept = WaveRecords(tmp_path / "waves", JumpClock(NOW), began=lambda unit, run: began.append((unit, run)))
    yield kept
    kept.close()


async def test_live_and_back_filled_make_it_complete_and_bit_exact(records: WaveRecords, tmp_path: Path, began) -> None:
    made = {n: full_packet(n) for n in range(200)}
    lost = {*range(20, 25), 77, *range(150, 200)}
    for n in set(made) - lost:
        records.take_live("A01", made[n])
    assert await records.missing("A01", RUN, 0, 200) == [(20, 25), (77, 78), (150, 200)]
    record = await records.opened("A01", RUN)
    for n in (*sorted(lost - {160}, reverse=True), 77):  # whatever order, some twice
        records.take(record, made[n], How.BACK_FILLED)
    assert await records.missing("A01", RUN, 0, 200) == [(160, 161)]
    (ledger,) = await records.ledgers("A01")
    assert (ledger["made"], ledger["live"], ledger["back_filled"], ledger["missing"], ledger["lost"]) == (
        200,
        144,
        55,
        1,
        0,
    )
    records.take(record, made[160], How.BACK_FILLED)
    assert await records.missing("A01", RUN, 0, 200) == []
    kept = {one.sequence: one.message for one in read_kept(tmp_path / "waves" / "A01" / f"{RUN:08x}.awr")}
    assert kept == made and began == [("A01", f"{RUN:08x}")]


async def test_what_the_vehicle_has_no_more_is_lost_and_not_asked_for(records: WaveRecords) -> None:
    records.take_live("A01", full_packet(100))
    assert await records.missing("A01", RUN, 90, 101) == [(90, 100)]
    assert (await records.ledgers("A01"))[0]["lost"] == 90
    for kept_from, made in ((5, 4), (-1, 4), (0, 1 << 31)):
        with pytest.raises(RefusedInput):
            await records.missing("A01", RUN, kept_from, made)


async def test_after_a_restart_the_record_goes_on_and_remembers_what_came_how(records: WaveRecords, tmp_path) -> None:
    for n in (0, 1, 3):
        records.take_live("A01", full_packet(n))
    records.take(await records.opened("A01", RUN), full_packet(2), How.BACK_FILLED)
    records.close()
    again = WaveRecords(tmp_path / "waves", JumpClock(NOW))
    again.take_live("A01", full_packet(4))  # the record is being read: this one comes by back-fill
    assert await again.missing("A01", RUN, 0, 6) == [(4, 6)]
    again.take_live("A01", full_packet(5))
    (ledger,) = await again.ledgers("A01")
    assert (ledger["live"], ledger["back_filled"], ledger["missing"]) == (4, 1, 1)
    again.close()


async def test_samples_are_read_by_their_index_and_a_hole_is_not_a_value(records: WaveRecords) -> None:
    for n in (0, 2):
        records.take_live("A01", full_packet(n))
    read = await asyncio.to_thread(records.read, "A01", RUN, WaveKind.ECG_V2, 10, 40)
    assert (read["rate_hz"], read["unit"], read["first_index"]) == (500, "mV", 10)
    first, third = (decode(full_packet(n)).channels[LEADS.index(WaveKind.ECG_V2)].samples for n in (0, 2))
    assert read["samples"][:10] == pytest.approx(list(first[10:]), abs=1e-5)
    assert read["samples"][10:30] == [None] * 20
    assert read["samples"][30:] == pytest.approx(list(third[:10]), abs=1e-5)
    with pytest.raises(NotFound):
        records.read("A01", RUN + 1, WaveKind.PLETH, 0, 5)
    with pytest.raises(RefusedInput):
        records.read("../A01", RUN, WaveKind.PLETH, 0, 5)


async def test_a_full_disk_keeps_nothing_more_and_says_so(tmp_path: Path) -> None:
    free = [FREE_BYTES]
    records = WaveRecords(tmp_path, JumpClock(NOW), free_bytes=lambda folder: free[0])
    records.take_live("A01", full_packet(0))
    free[0] -= 1
    records.look_for_room()
    records.take_live("A01", full_packet(1))
    assert records.unkept == 1
    with pytest.raises(NoRoom) as full:
        records.take(await records.opened("A01", RUN), full_packet(1), How.BACK_FILLED)
    assert full.value.http_status == 507
    free[0] += 1
    records.look_for_room()
    assert records.take(await records.opened("A01", RUN), full_packet(1), How.BACK_FILLED)
    records.close()


async def test_what_is_older_than_the_rule_is_deleted_and_the_rest_stays(records: WaveRecords, tmp_path: Path) -> None:
    for unit in ("A01", "A02"):
        records.take_live(unit, full_packet(0))
    old = NOW - timedelta(days=KEEP_DAYS, seconds=1)
    os.utime(tmp_path / "waves" / "A01" / f"{RUN:08x}.awr", (old.timestamp(), old.timestamp()))
    os.utime(tmp_path / "waves" / "A02" / f"{RUN:08x}.awr", (NOW.timestamp(), NOW.timestamp()))
    assert records.expire(NOW) == [f"A01/{RUN:08x}"]
    assert await records.ledgers("A01") == [] and len(await records.ledgers("A02")) == 1


async def test_packets_without_a_run_of_another_run_or_malformed_are_not_kept(records: WaveRecords, tmp_path) -> None:
    records.take_live("A01", encode(WavePacket(1, 0, ())))
    assert await records.ledgers("A01") == []
    record = await records.opened("A01", RUN)
    for wrong in (full_packet(1, RUN + 1), full_packet(1)[:-1], b"", full_packet(1 << 31)):
        with pytest.raises(RefusedInput):
            records.take(record, wrong, How.BACK_FILLED)
    assert record.held.count == 0
