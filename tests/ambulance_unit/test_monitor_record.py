"""Played records: real files with their gaps and zeros, and files that are broken."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ambulance_unit.monitor import KINDS
from ambulance_unit.monitor.detect import find_beats, find_breaths, find_pulses
from ambulance_unit.monitor.record import RecordMonitor, open_record
from ambulance_unit.monitor.signals import Series, Signals, wave_of
from casebook.errors import RefusedInput
from casebook.vitals import Vitals, check
from casebook.words import LANGUAGES
from media.waveforms import PACKET_MS, ChannelWave, WaveKind, WavePacket, encode

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, inside wfdb

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
RECORDS = {
    "100": {"ecg_ii": 360, "ecg_v5": 360},
    "s0010_re": {kind: 500 for kind in KINDS if kind.startswith("ecg")},
    "a103l": {"ecg_ii": 250, "pleth": 250},
    "v102s.hea": {"ecg_ii": 250, "pleth": 250, "resp": 250},
    "03700181": {"ecg_v1": 500, "abp": 125, "resp": 125},
    "041s/041s": {"ecg_i": 500, "ecg_iii": 500, "abp": 125, "pleth": 125, "resp": 125},
    "s25047/s25047-2704-05-04-10-44": {"ecg_ii": 125, "abp": 125},
    "s00001/s00001-2896-10-10-00-31n": {},
    "s00001/3975656_0013.dat": {"ecg_ii": 125, "abp": 125},
    "bidmc_01_Signals.csv": {"resp": 125, "pleth": 125, "ecg_avr": 125, "ecg_ii": 125},
}


@pytest.fixture(scope="module")
def vitals_folder(shared_data: Path) -> Path:
    return shared_data / "vitals"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def refused(file: Path) -> RefusedInput:
    with pytest.raises(RefusedInput) as caught:
        open_record(file, START)
    for language in LANGUAGES:
        assert file.name.split(".")[0] in caught.value.said(language)
    return caught.value


def synthetic(**samples: np.ndarray) -> Signals:
    return Signals("made", {kind: wave_of(kind, wave, 125) for kind, wave in samples.items()}, {}, {})


# ---- real records


@pytest.mark.parametrize("name", RECORDS)
def test_every_sample_record_plays_with_its_channels_and_possible_numbers(name: str, vitals_folder: Path):
    feed = open_record(vitals_folder / name, START)
    assert {kind: channel.rate_hz for kind, channel in feed.channels.items()} == RECORDS[name]
    for second in range(0, 7200, 61):
        shown = feed.numerics(at(second))
        check(shown)
        assert Vitals.from_dict(shown.as_dict()) == shown
    assert any(feed.numerics(at(second)) != Vitals() for second in range(60, 600, 20))


@pytest.mark.parametrize("name", [name for name, channels in RECORDS.items() if channels])
def test_a_packet_of_every_record_fits_the_wire(name: str, vitals_folder: Path):
    chunks = open_record(vitals_folder / name, START).chunk(3.0, PACKET_MS / 1000)
    waves = tuple(
        ChannelWave(WaveKind[kind.upper()], chunk.rate_hz, chunk.first_index, chunk.samples)
        for kind, chunk in chunks.items()
    )
    assert encode(WavePacket(0, 0, waves))


def test_beats_of_the_arrhythmia_record_are_those_its_cardiologists_marked(vitals_folder: Path):
    """MIT-BIH 100: 2 273 annotated beats, some of them premature; within 75 ms, the usual window is 150."""
    import wfdb

    annotated = wfdb.rdann(str(vitals_folder / "100"), "atr")
    marked = annotated.sample[np.isin(np.array(annotated.symbol), list("NLRBAaJSVFejnE/fQ"))] / 360
    wave = open_record(vitals_folder / "100", START).chunk(0, 650_000 / 360)["ecg_ii"]
    found = find_beats(wave.samples, 360)
    missed = [beat for beat in marked if np.min(np.abs(found - beat)) > 0.075]
    invented = [beat for beat in found if np.min(np.abs(marked - beat)) > 0.075]
    assert (len(marked), missed, invented) == (2273, [], [])


def test_a_hypotensive_record_shows_its_low_pressure_from_the_line(vitals_folder: Path):
    shown = open_record(vitals_folder / "03700181", START).numerics(at(120))
    assert shown.sbp_mmhg is not None and 35 < shown.sbp_mmhg < 60
    assert shown.dbp_mmhg is not None and 20 < shown.dbp_mmhg < shown.sbp_mmhg
    assert shown.map_mmhg is not None and shown.dbp_mmhg < shown.map_mmhg < shown.sbp_mmhg
    assert shown.nibp_at is None


def test_pulse_and_heart_rate_of_one_patient_agree(vitals_folder: Path):
    feed = open_record(vitals_folder / "bidmc_01_Signals.csv", START)
    pairs = [(s.hr_bpm, s.pulse_bpm) for s in (feed.numerics(at(second)) for second in range(20, 470, 10))]
    close = [abs(hr - pulse) <= 5 for hr, pulse in pairs if hr is not None and pulse is not None]
    assert len(close) > 30
    assert sum(close) > 0.9 * len(close)


def test_zeros_of_a_loose_lead_are_no_measurements(vitals_folder: Path):
    feed = open_record(vitals_folder / "s25047" / "s25047-2704-05-04-10-44n", START)
    shown = feed.numerics(at(1))
    assert (shown.hr_bpm, shown.pulse_bpm, shown.spo2_pct) == (101.3, None, None)
    assert all(0 not in feed.numerics(at(60 * minute)).as_dict().values() for minute in range(72))


def test_a_cuffs_value_stands_with_the_instant_it_was_measured_until_the_next(vitals_folder: Path):
    feed = open_record(vitals_folder / "s00001" / "s00001-2896-10-10-00-31n", START)
    shown = [feed.numerics(at(60 * minute)) for minute in range(600)]
    by_cuff = [(minute, s) for minute, s in enumerate(shown) if s.nibp_at]
    assert by_cuff
    for minute, s in by_cuff:
        assert s.sbp_mmhg is not None and s.nibp_at is not None and s.nibp_at <= at(60 * minute)
    assert max((at(60 * minute) - s.nibp_at).total_seconds() for minute, s in by_cuff if s.nibp_at) > 600


def test_a_wave_record_takes_the_numbers_of_its_companion_along(vitals_folder: Path):
    by_wave, by_numbers = (
        open_record(vitals_folder / "s25047" / f"s25047-2704-05-04-10-44{end}", START) for end in ("", "n")
    )
    assert by_wave.channels == by_numbers.channels != {}
    assert by_wave.numerics(at(250)) == by_numbers.numerics(at(250))
    assert by_wave.numerics(at(250)).spo2_pct == 99.6


def test_gaps_of_a_record_are_gaps_of_the_wave(vitals_folder: Path):
    feed = open_record(vitals_folder / "s25047" / "s25047-2704-05-04-10-44", START)
    first_gap_s = 25740 / 125  # the record's first segment is missing
    chunk = feed.chunk(first_gap_s - 2, 4)["ecg_ii"].samples
    assert np.isnan(chunk[:249]).all()
    assert not np.isnan(chunk[251:]).any()


# ---- playing


def test_before_its_start_a_record_shows_nothing_and_at_its_end_begins_anew(vitals_folder: Path):
    feed = open_record(vitals_folder / "s0010_re", START)
    assert feed.numerics(at(-1)) == Vitals()
    assert np.array_equal(feed.chunk(1, 2)["ecg_ii"].samples, feed.chunk(38.4 + 1, 2)["ecg_ii"].samples)
    assert feed.numerics(at(20)) == feed.numerics(at(38.4 * 10 + 20))


def test_chunks_of_a_record_join_without_a_seam_also_over_its_end(vitals_folder: Path):
    feed = open_record(vitals_folder / "s0010_re", START)
    whole = feed.chunk(37, 3)["ecg_v2"]
    parts = [feed.chunk(37 + number * 0.04, 0.04)["ecg_v2"] for number in range(75)]
    assert np.array_equal(np.concatenate([part.samples for part in parts]), whole.samples)
    assert parts[0].first_index == whole.first_index == 37 * 500


def test_in_a_fast_drill_waves_keep_their_rate_and_catch_up_once_a_minute():
    steps = synthetic(pleth=np.repeat(np.arange(1000.0), 125))  # the sample is its own second
    feed = RecordMonitor(steps, START, rate=6.0)
    seconds = [int(feed.chunk(wall_s, 0.01)["pleth"].samples[0]) for wall_s in (0, 59, 60, 61, 120)]
    assert seconds == [0, 59, 360, 361, 720]


def test_a_flat_line_reads_zero_and_a_gap_reads_nothing():
    beat = np.zeros(125)
    beat[10:14] = [0.3, 1.0, 0.4, -0.2]
    ecg = np.concatenate([np.tile(beat, 60), np.zeros(125 * 20), np.full(125 * 20, np.nan)])
    feed = RecordMonitor(synthetic(ecg_ii=ecg), START)
    assert [feed.numerics(at(second)).hr_bpm for second in (2, 30, 75, 95)] == [60, 60, 0, None]
    assert next(doubt.key for doubt in check(feed.numerics(at(75)))) == "asystole_or_lead_off"


def test_what_the_device_blanks_is_not_counted_from_the_wave():
    beat = np.zeros(125)
    beat[10:14] = [0.3, 1.0, 0.4, -0.2]
    wave = wave_of("ecg_ii", np.tile(beat, 120), 125)
    signals = Signals("made", {"ecg_ii": wave}, {"hr_bpm": Series(0.0, 60.0, np.array([61.0, np.nan]))}, {})
    feed = RecordMonitor(signals, START)
    assert [feed.numerics(at(second)).hr_bpm for second in (30, 90)] == [61, None]


def test_thinning_a_fast_channel_keeps_its_shape_and_its_gaps():
    at_s = np.arange(4000) / 1000
    fast = np.sin(2 * np.pi * 5 * at_s)
    fast[1000:2000] = np.nan
    wave = wave_of("ecg_ii", fast, 1000)
    assert wave.channel.rate_hz == 500
    assert np.isnan(wave.samples[500:1000]).all()
    assert wave.samples[1200:1900] == pytest.approx(fast[2400:3800:2], abs=0.02)


# ---- detection on made waves


@pytest.mark.parametrize("polarity", [1, -1])
def test_beats_are_found_upright_and_inverted(polarity: int):
    ecg = np.zeros(125 * 30)
    ecg[np.arange(50, len(ecg) - 5, 100)] = polarity
    ecg = np.convolve(ecg, [0.2, 0.7, 1.0, 0.5, -0.2], mode="same")
    assert len(find_beats(ecg, 125)) == pytest.approx(37, abs=1)


@pytest.mark.parametrize("wave", [np.full(5000, np.nan), np.zeros(10), np.zeros(5000), np.full(5000, 0.7)])
def test_in_nothing_nothing_is_found(wave: np.ndarray):
    assert len(find_beats(wave, 125)) == 0
    assert len(find_pulses(wave, 125).at_s) == 0
    assert len(find_breaths(wave, 125)) == 0


# ---- broken files


def test_a_record_that_is_not_there_is_refused_by_name(tmp_path: Path):
    assert refused(tmp_path / "none").key == "record_not_found"
    assert refused(tmp_path / "none.csv").key == "record_not_found"
    assert refused(tmp_path).key == "record_not_found"


def test_a_header_without_its_signal_file_is_refused(vitals_folder: Path, tmp_path: Path):
    shutil.copy(vitals_folder / "100.hea", tmp_path)
    refusal = refused(tmp_path / "100")
    assert refusal.key == "record_not_found"
    assert refusal.facts["file"].endswith("100.dat")


def test_a_signal_file_cut_short_is_refused(vitals_folder: Path, tmp_path: Path):
    shutil.copy(vitals_folder / "100.hea", tmp_path)
    (tmp_path / "100.dat").write_bytes((vitals_folder / "100.dat").read_bytes()[:1000])
    assert refused(tmp_path / "100").key == "record_malformed"


@pytest.mark.parametrize(
    ("header", "keys"),
    [
        ("", {"record_malformed", "record_empty"}),
        ("not a header\n", {"record_malformed", "record_empty"}),
        ("bad 2 360 100\nbad.dat 212 200 11 1024 995 0 0 MLII\n", {"record_malformed", "record_empty"}),
        ("bad 0 360 100\n", {"record_empty", "record_malformed"}),
        ("bad 1 360 0\nbad.dat 16 200 16 0 0 0 0 II\n", {"record_empty", "record_malformed"}),
        ("bad 1 360 900000000000\nbad.dat 16 200 16 0 0 0 0 II\n", {"record_too_long"}),
        ("bad 1 360 100\nbad.dat 16 200 16 0 0 0 0 EEG\n", {"record_empty"}),
        ("bad 1 360 100\nbad.dat 99 200 16 0 0 0 0 II\n", {"record_malformed"}),
        ("bad/2 1 360 100\nbad 50\nbad 50\n", {"record_malformed"}),
        ("\x00\xff\xfe", {"record_malformed", "record_empty"}),
    ],
)
def test_a_malformed_header_is_refused_with_its_file(header: str, keys: set[str], tmp_path: Path):
    (tmp_path / "bad.hea").write_bytes(header.encode("latin-1"))
    (tmp_path / "bad.dat").write_bytes(bytes(200))
    assert refused(tmp_path / "bad").key in keys


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1"),
        ("Time;RESP\n0;1\n", "1"),
        ("Time [s], II\n0,0.1\n0.008,high\n", "3"),
        ("Time [s], II\n0,0.1\n0.008,inf\n", "3"),
        ("Time [s], II\n0,0.1\n0.008\n", "3"),
        ("Time [s], II\n0,0.1\n0.008,0.2\n0.016,0.1\n5.0,0.1\n", ""),
        ("Time [s], II\n0,0.1\n0,0.2\n", "2"),
    ],
)
def test_a_malformed_csv_is_refused_with_its_line(text: str, line: str, tmp_path: Path):
    (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
    refusal = refused(tmp_path / "bad.csv")
    assert refusal.key == "record_malformed"
    assert line in refusal.facts["file"].rsplit(":", 1)[-1]


def test_a_csv_without_a_known_channel_or_without_rows_is_refused(tmp_path: Path):
    (tmp_path / "eeg.csv").write_text("Time [s], EEG\n0,0.1\n0.008,0.2\n", encoding="utf-8")
    assert refused(tmp_path / "eeg.csv").key == "record_empty"
    (tmp_path / "none.csv").write_text("Time [s], II\n", encoding="utf-8")
    assert refused(tmp_path / "none.csv").key == "record_empty"


def test_an_empty_cell_of_a_csv_is_a_gap(tmp_path: Path):
    rows = [f"{number * 0.008:.3f},{'' if 300 <= number < 400 else 0.5}" for number in range(1000)]
    (tmp_path / "gap.csv").write_text("\n".join(["Time [s], PLETH", *rows]), encoding="utf-8")
    samples = open_record(tmp_path / "gap.csv", START).chunk(0, 8)["pleth"].samples
    assert np.isnan(samples[300:400]).all() and not np.isnan(samples[400:]).any()
