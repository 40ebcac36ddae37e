"""Read a feed's batch, in any of the shapes of docs/traffic.md, into rows; a row that cannot be so is kept with why.

Nothing here knows a road: which arcs a row means is routing/traffic/placing.py's, what becomes of the rows
routing/live.py's.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from casebook.errors import RefusedInput
from routing.traffic.floating import VehicleFix
from routing.traffic.shapes import read_fix, read_here, read_plain, read_tomtom
from routing.traffic.told import RefusedRow, Row, RowError, Told

MAX_BYTES, MAX_ROWS = 64_000_000, 200_000


@dataclass(slots=True)
class Rows:
    """What a batch held: speeds and closures, or vehicles' fixes; and what was refused."""

    told: list[Told] = field(default_factory=list)
    fixes: list[VehicleFix] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    rows: int = 0


def read_rows(raw: bytes, *, shape: str, source: str, now: datetime) -> Rows:
    """Raises RefusedInput when the batch as a whole is none: `feed_encoding`, `feed_empty`, `feed_columns`,
    `feed_json`, `feed_too_big`, `bad_field` (unknown shape)."""
    if shape not in SHAPES:
        raise RefusedInput("bad_field", where="traffic", field="shape", why=f"{shape}: {', '.join(SHAPES)}")
    if len(raw) > MAX_BYTES:
        raise RefusedInput("feed_too_big", size=len(raw), most=MAX_BYTES)
    split, read = SHAPES[shape]
    found = Rows()
    for line, row, values in split(_decoded(raw)):
        found.rows += 1
        if found.rows > MAX_ROWS:
            raise RefusedInput("feed_too_big", size=found.rows, most=MAX_ROWS)
        try:
            if isinstance(values, RowError):
                raise values
            one = read(Row(line, row, values, source, now))
            (found.fixes if isinstance(one, VehicleFix) else found.told).append(one)  # type: ignore[arg-type]
        except RowError as wrong:
            found.refused.append(RefusedRow(line, wrong.column, wrong.why, row, wrong.facts))
    if not found.rows:
        raise RefusedInput("feed_empty")
    return found


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = raw[: wrong.start].count(b"\n") + 1
        raise RefusedInput("feed_encoding", line=line, byte=wrong.start) from wrong


# --- how a batch is cut into rows: (line, the row as it stood, its values or why it has none)

Cut = Iterator[tuple[int, str, Any]]


def _cut_csv(text: str) -> Cut:
    lines = text.splitlines()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    heads: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not heads:
                heads = [cell.strip() for cell in cells]
                if "at" not in heads:
                    raise RefusedInput("feed_columns", columns=", ".join(heads))
                continue
            row = lines[reader.line_num - 1] if reader.line_num <= len(lines) else ",".join(cells)
            right = len(cells) == len(heads)
            values: Any = dict(zip(heads, cells, strict=True)) if right else RowError("-", "cells", cells=len(cells))
            yield reader.line_num, row, values
    except csv.Error as wrong:
        raise RefusedInput("feed_columns", columns=f"{reader.line_num}: {wrong}") from wrong


def _cut_lines(text: str) -> Cut:
    for line, row in enumerate(text.splitlines(), start=1):
        if row.strip():
            yield line, row, _one_json(row)


def _one_json(row: str) -> Any:
    try:
        values = json.loads(row)
    except (ValueError, RecursionError) as wrong:
        return RowError("-", "json", value=str(wrong))
    return values if isinstance(values, dict) else RowError("-", "json", value=type(values).__name__)


def _cut_tomtom(text: str) -> Cut:
    """One answer, a list of answers, or one answer a line."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _cut_lines(text)
        return
    yield from _numbered(whole if isinstance(whole, list) else [whole])


def _cut_here(text: str) -> Cut:
    try:
        whole = json.loads(text) if text.strip() else {"results": []}
        results, updated = whole["results"], whole.get("sourceUpdated")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as wrong:
        raise RefusedInput("feed_json", why=repr(wrong)) from wrong
    if not isinstance(results, list):
        raise RefusedInput("feed_json", why=type(results).__name__)
    for line, row, values in _numbered(results):
        yield line, row, values if isinstance(values, RowError) else {"updated": updated} | values


def _numbered(answers: Iterable[Any]) -> Cut:
    for number, one in enumerate(answers, start=1):
        wrong = None if isinstance(one, dict) else RowError("-", "json", value=type(one).__name__)
        yield number, json.dumps(one, ensure_ascii=False), wrong or one


SHAPES: Mapping[str, tuple[Callable[[str], Cut], Callable[[Row], Told | VehicleFix]]] = {
    "csv": (_cut_csv, read_plain),
    "jsonl": (_cut_lines, read_plain),
    "tomtom": (_cut_tomtom, read_tomtom),
    "here": (_cut_here, read_here),
    "fixes_csv": (_cut_csv, read_fix),
    "fixes_jsonl": (_cut_lines, read_fix),
}
