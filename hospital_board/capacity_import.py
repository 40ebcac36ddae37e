"""Take many counts at once, as another system of the hospital wrote them down: CSV or JSON in, facts out. Pure.

All rows or none. Each keeps its author and the time at which it was stated; a row that is older than what stands is
recorded and changes nothing. Columns: docs/capacity.md. What a count may be is hospital_board/capacity_desk.py.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.capacity import Figure
from casebook.errors import CoordinationError, RefusedInput
from casebook.picture import Picture
from casebook.words import Language, say
from hospital_board.capacity_desk import checked_total

COLUMNS = ("hospital", "resource", "free", "total", "in_use", "stated_at", "author")
NEEDED = ("hospital", "resource", "stated_at", "author")
COUNTS = ("free", "total", "in_use")
ROWS_MAX = 1000  # of one ask: a region of 45 hospitals with all their resources
CLOCKS_APART = timedelta(seconds=60)  # so far another system's clock may be ahead; a figure is never of the future


class CapacityRow(Command, frozen=True, kw_only=True):
    """One count. `line`: where it stands in the file, for whoever must correct it."""

    hospital: str
    resource: str
    stated_at: datetime
    author: str
    free: int | None = None
    total: int | None = None
    in_use: int | None = None
    line: int = 0


class ImportCapacity(Command, frozen=True, kw_only=True):
    """Counts as another system states them. `source` names the system."""

    rows: tuple[CapacityRow, ...]
    source: str = "import"


class RowRefused(RefusedInput):
    """A row that cannot be taken: says its line before what is wrong with it. Nothing of the file was taken."""

    key = "import_row"

    def __init__(self, line: int, wrong: CoordinationError) -> None:
        super().__init__(line=line, error=wrong.key, **wrong.facts)
        self._wrong = wrong

    def said(self, language: Language = "en") -> str:
        return say("error.import_row", language, line=self.facts["line"], why=self._wrong.said(language))


def import_capacity(picture: Picture, command: ImportCapacity, now: datetime) -> list[e.Event]:
    """The counts as facts, without those that stand word for word. Raises RowRefused naming the first bad row."""
    if not 1 <= len(command.rows) <= ROWS_MAX:
        raise RefusedInput("import_size", rows=len(command.rows), limit=ROWS_MAX)
    facts: list[e.Event] = []
    seen: dict[tuple[str, str, datetime], CapacityRow] = {}
    for number, row in enumerate(command.rows, start=1):
        try:
            _refuse_second(seen, row)
            fact = _fact(picture, row, command.source, now)
        except RefusedInput as wrong:
            raise RowRefused(row.line or number, wrong) from wrong
        if fact is not None:
            facts.append(fact)
    return facts


def _fact(picture: Picture, row: CapacityRow, source: str, now: datetime) -> e.CapacityReported | None:
    hospital = picture.get_hospital(row.hospital)
    total = checked_total(hospital, row.resource, row.free, row.total, row.in_use)
    if row.stated_at.tzinfo is None:
        raise RefusedInput("bad_field", where=row.hospital, field="stated_at", why="a time needs its zone")
    if row.stated_at > now + CLOCKS_APART:
        raise RefusedInput("figure_from_future", resource=row.resource, at=row.stated_at.isoformat())
    if not row.author.strip():
        raise RefusedInput("bad_field", where=row.hospital, field="author", why="who said so is missing")
    at = min(row.stated_at, now)
    stands = hospital.figures.get(row.resource)
    if stands == Figure(row.free, total, at, row.author.strip(), source, row.in_use):
        return None
    return e.CapacityReported(
        hospital.id, row.resource, row.free, total, source, row.in_use, row.author.strip(), at
    )  # fmt: skip


def _refuse_second(seen: dict[tuple[str, str, datetime], CapacityRow], row: CapacityRow) -> None:
    """Two counts of the same thing at the same instant: nobody can say which is right."""
    name = (row.hospital, row.resource, row.stated_at)
    if name in seen:
        raise RefusedInput("stated_twice", resource=row.resource, hospital=row.hospital)
    seen[name] = row


def read_capacity(text: str, *, json_text: bool) -> tuple[CapacityRow, ...]:
    """The rows of a file. Raises RowRefused with its line (CSV) or its place in the list (JSON), RefusedInput."""
    numbered = _json_rows(text) if json_text else _csv_rows(text)
    return tuple(_row(number, cells) for number, cells in numbered)


def _csv_rows(text: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not cells:
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                _refuse_header(header, reader.line_num)
                continue
            if len(cells) != len(header):
                facts = {"file": "CSV", "line": reader.line_num, "got": len(cells), "wanted": len(header)}
                raise RefusedInput("csv_cells", **facts)
            given = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
            yield reader.line_num, {name: _whole(given, name, reader.line_num) for name in given}
    except csv.Error as wrong:
        raise RefusedInput("csv_malformed", file="CSV", line=reader.line_num, why=str(wrong)) from wrong


def _whole(given: Mapping[str, str], name: str, line: int) -> str | int:
    if name not in COUNTS:
        return given[name]
    text = given[name].removeprefix("-")
    if not (text.isascii() and text.isdigit()):
        why = RefusedInput(
            "bad_field", where=given.get("resource", "-"), field=name, why=f"{given[name]!r} is no count"
        )
        raise RowRefused(line, why)
    return int(given[name])


def _refuse_header(header: list[str], line: int) -> None:
    for column in NEEDED:
        if column not in header:
            raise RefusedInput("csv_column_missing", file="CSV", line=line, column=column, needed=", ".join(COLUMNS))
    for column in header:
        if column not in COLUMNS:
            raise RefusedInput("csv_column_unknown", file="CSV", line=line, column=column, known=", ".join(COLUMNS))
        if header.count(column) > 1:
            raise RefusedInput("csv_column_twice", file="CSV", line=line, column=column)


def _json_rows(text: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    try:
        found = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as wrong:
        raise RefusedInput("bad_json", where="JSON", why=str(wrong)) from wrong
    rows = found.get("rows") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise RefusedInput("bad_field", where="JSON", field="rows", why="a list of counts is expected")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise RowRefused(number, RefusedInput("bad_field", where="JSON", field="rows", why="not an object"))
        yield number, {name: value for name, value in row.items() if value is not None}


def _row(line: int, cells: Mapping[str, Any]) -> CapacityRow:
    try:
        return msgspec.convert({**cells, "line": line}, CapacityRow)
    except msgspec.ValidationError as wrong:
        why, _, path = str(wrong).partition(" - at `")
        where = str(cells.get("hospital", "-"))
        field = path.rstrip("`").removeprefix("$.") or "$"
        raise RowRefused(line, RefusedInput("bad_field", where=where, field=field, why=why)) from wrong
