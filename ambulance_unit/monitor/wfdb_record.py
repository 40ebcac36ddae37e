"""Read a WFDB record (PhysioNet's format): header, signal files, segments, and the numbers that lie beside the waves.

The only module that imports `wfdb`, which brings pandas along and takes seconds. Meant for files on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from ambulance_unit.monitor.signals import KIND_OF, SAMPLES_MAX, Series, Signals, Wave, wave_of
from casebook.errors import RefusedInput

_SUFFIXES = (".hea", ".dat", ".mat", ".atr", ".xyz")
_SLOWEST_WAVE_HZ = 10.0  # slower signals are numbers: MIMIC-III gives one a minute or one a second
_NUMBER_OF = {
    "HR": "hr_bpm",
    "PULSE": "pulse_bpm",
    "RESP": "rr_bpm",
    "SPO2": "spo2_pct",
    "ABPSYS": "sbp_mmhg",
    "ABPDIAS": "dbp_mmhg",
    "ABPMEAN": "map_mmhg",
}
_CUFF_OF = {"NBPSYS": "sbp_mmhg", "NBPDIAS": "dbp_mmhg", "NBPMEAN": "map_mmhg"}


def read_wfdb(file: Path) -> Signals:
    """The record of that name; `file` with or without the suffix of one of its files.

    A MIMIC-III record of waves takes the numbers of its companion (its name with an "n") along, and vice versa.
    Raises RefusedInput: `record_not_found`, `record_malformed`, `record_empty`, `record_too_long`.
    """
    name = file.with_suffix("") if file.suffix in _SUFFIXES else file
    header = _header(name)
    records = [_record(name, header)]
    companion = _companion(name)
    if companion is not None and header.base_datetime is not None:
        records.append(_record(companion, _header(companion)))
    signals = Signals(name.name, *_sorted(records))
    if not signals.waves and not signals.numbers and not signals.cuff:
        raise RefusedInput("record_empty", file=str(file), found=_names(header))
    return signals


def _header(name: Path) -> Any:
    """The header with the names of the signals, also of a record in segments."""
    if not Path(f"{name}.hea").is_file():
        raise RefusedInput("record_not_found", file=f"{name}.hea")
    header = _read(name, lambda: wfdb.rdheader(str(name), rd_segments=True))
    if getattr(header, "segments", None):
        header.sig_name = header.sig_name or header.segments[0].sig_name or ()
    samples = (header.sig_len or 0) * max(1, header.n_sig or 0)
    if samples > SAMPLES_MAX:
        raise RefusedInput("record_too_long", file=f"{name}.hea", samples=samples, limit=SAMPLES_MAX)
    if not samples or not header.fs or header.fs < 0:
        raise RefusedInput("record_empty", file=f"{name}.hea", found="-")
    return header


def _record(name: Path, header: Any) -> Any:
    """The signals, each at its own rate (channels of one record may have several)."""
    record = _read(name, lambda: wfdb.rdrecord(str(name), smooth_frames=False))
    if not record.e_p_signal or len(record.e_p_signal) != len(record.sig_name):
        raise RefusedInput("record_empty", file=f"{name}.hea", found=_names(header))
    return record


def _names(header: Any) -> str:
    """The channels that a file has, for saying that none of them can be shown."""
    return ", ".join(filter(None, header.sig_name or ())) or "-"


def _read(name: Path, read: Any) -> Any:
    try:
        return read()
    except FileNotFoundError as failure:
        raise RefusedInput("record_not_found", file=failure.filename or str(name)) from failure
    except Exception as failure:  # on a malformed header wfdb raises whatever its parser stumbles over
        why = f"{type(failure).__name__}: {failure}".strip(": ")[:200]
        raise RefusedInput("record_malformed", file=f"{name}.hea", why=why) from failure


def _companion(name: Path) -> Path | None:
    other = name.with_name(name.name.removesuffix("n") if name.name.endswith("n") else f"{name.name}n")
    return other if Path(f"{other}.hea").is_file() else None


def _sorted(records: list[Any]) -> tuple[dict[str, Wave], dict[str, Series], dict[str, Series]]:
    """Waves, numbers and the cuff's numbers of all records, on the time of the first."""
    waves: dict[str, Wave] = {}
    numbers: dict[str, Series] = {}
    cuff: dict[str, Series] = {}
    for record in records:
        first_s = _seconds_between(records[0], record)
        for number, (label, samples) in enumerate(zip(record.sig_name, record.e_p_signal, strict=True)):
            called, rate_hz = (label or "").strip().upper(), record.fs * record.samps_per_frame[number]
            samples = np.where(np.isfinite(samples), samples, np.nan)
            if rate_hz >= _SLOWEST_WAVE_HZ and called in KIND_OF and first_s == 0:
                waves.setdefault(
                    KIND_OF[called], wave_of(KIND_OF[called], samples, rate_hz, unit=_unit(record, number))
                )
            elif rate_hz < _SLOWEST_WAVE_HZ and called in _NUMBER_OF:
                numbers.setdefault(_NUMBER_OF[called], Series(first_s, round(1 / rate_hz, 6), samples))
            elif rate_hz < _SLOWEST_WAVE_HZ and called in _CUFF_OF:
                cuff.setdefault(_CUFF_OF[called], Series(first_s, round(1 / rate_hz, 6), samples))
    return waves, numbers, cuff


def _unit(record: Any, number: int) -> str:
    """Our word for the file's unit where it has an absolute scale; "" leaves it to the kind."""
    return "1" if (record.units[number] or "").upper() == "NU" else ""


def _seconds_between(first: Any, other: Any) -> float:
    if first is other or first.base_datetime is None or other.base_datetime is None:
        return 0.0
    return (other.base_datetime - first.base_datetime).total_seconds()
