"""Read the waves of a BIDMC-style CSV file: a column of seconds, then one column for each channel, evenly sampled."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ambulance_unit.monitor.signals import KIND_OF, SAMPLES_MAX, Signals, Wave, wave_of
from casebook.errors import RefusedInput

_TIME = "TIME [S]"
_ROUNDED_S = 0.011  # times may be off by this much: the file gives 5 digits, from 100 s on hundredths of a second


def read_bidmc(file: Path) -> Signals:
    """The record. Values are normalised (no absolute scale); an ECG is shifted so that its baseline lies at 0.

    Raises RefusedInput: `record_not_found`, `record_malformed` (with the line), `record_empty`, `record_too_long`.
    """
    if not file.is_file():
        raise RefusedInput("record_not_found", file=str(file))
    if file.stat().st_size > 8 * SAMPLES_MAX:  # a sample takes about 8 characters
        raise RefusedInput("record_too_long", file=str(file), samples=file.stat().st_size // 8, limit=SAMPLES_MAX)
    header, values = _read_rows(file)
    if len(values) < 2:
        raise RefusedInput("record_empty", file=str(file), found=", ".join(header))
    rate_hz = _rate_hz(file, values[:, 0])
    waves: dict[str, Wave] = {}
    for number, label in enumerate(header):
        kind = KIND_OF.get(label)
        if kind and kind not in waves:
            samples = values[:, number]
            baseline = np.nanmedian(samples) if kind.startswith("ecg") and not np.isnan(samples).all() else 0.0
            waves[kind] = wave_of(kind, samples - baseline, rate_hz, unit="1")
    if not waves:
        raise RefusedInput("record_empty", file=str(file), found=", ".join(header))
    return Signals(file.stem, waves, {}, {})


def _read_rows(file: Path) -> tuple[list[str], np.ndarray]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        try:
            header = [label.strip().upper() for label in next(rows, [])]
            if not header or header[0] != _TIME:
                raise ValueError(f'"{header[0] if header else ""}" != "{_TIME}"')
            values = [_numbers(cells, len(header)) for cells in rows if cells]
        except (ValueError, csv.Error) as failure:
            where = f"{file}:{max(1, rows.line_num)}"
            raise RefusedInput("record_malformed", file=where, why=str(failure)) from failure
    return header, np.array(values, float).reshape(-1, len(header))


def _numbers(cells: list[str], wanted: int) -> list[float]:
    if len(cells) != wanted:
        raise ValueError(f"{len(cells)} != {wanted}")
    return [_number(cell) for cell in cells]


def _number(cell: str) -> float:
    """A finite number, or NaN for an empty cell or one that says NaN (no signal)."""
    value = float(cell) if cell.strip() else float("nan")
    if np.isinf(value):
        raise ValueError(cell)
    return value


def _rate_hz(file: Path, at_s: np.ndarray) -> float:
    step_s = float(at_s[-1] - at_s[0]) / (len(at_s) - 1)
    uneven = np.flatnonzero(~(np.abs(at_s - at_s[0] - step_s * np.arange(len(at_s))) <= _ROUNDED_S))
    if not step_s > 0 or len(uneven):
        line = int(uneven[0]) + 2 if len(uneven) else 2
        raise RefusedInput("record_malformed", file=f"{file}:{line}", why=_TIME)
    return 1 / step_s
