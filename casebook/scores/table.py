"""The dated tables of clinical scores: one JSON file for each edition in `tables/`, loaded and picked by date.

Adding a score is adding a file (and its words); adding an edition is adding a file with a later `valid_from`. What a
file's rows mean belongs to its `method` (`points`, `tree`, `ratio`, `criteria`, `injuries`, `leads`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from casebook.errors import NotFound
from casebook.vitals import limits

Kind = Literal["number", "choice", "json"]
_FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class Input:
    """What one input of a score may be. A number is refused outside `low`..`high`, then rounded to `decimals`."""

    name: str
    kind: Kind
    vital: str | None = None  # the field of `Vitals` that feeds it
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    decimals: int | None = None  # None: taken as given
    whole: bool = False  # refused when not a whole number
    completed: bool = False  # rounded down: years of age
    choices: tuple[str, ...] = ()
    not_testable: bool = False  # "NT" is an answer
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One edition of one score. `rows` keeps the file as it is, for the method that reads it."""

    score: str
    valid_from: date
    method: str
    source: str
    evidence: str
    inputs: dict[str, Input]
    outputs: tuple[dict[str, Any], ...]
    rows: Mapping[str, Any]

    @property
    def version(self) -> str:
        return f"{self.score}@{self.valid_from.isoformat()}"

    @property
    def input_age(self) -> timedelta | None:
        """How old an input may be before a result names it as stale; None: the table does not say."""
        limit_min = self.rows.get("max_input_age_min")
        return None if limit_min is None else timedelta(minutes=limit_min)

    @property
    def headline(self) -> str:
        """The output that answers first: a band, a category; it reads "incomplete" when no answer may be given."""
        return next(output["column"] for output in self.outputs if output.get("unknown", "incomplete"))


def list_scores() -> tuple[str, ...]:
    """The names that `aboard score` knows, in alphabetical order."""
    return tuple(sorted(_editions()))


def get_table(score: str, at: datetime | None = None) -> Table:
    """The edition in force at `at` (None: the newest). A date before the first edition gets the first.

    Raises NotFound for an unknown score.
    """
    editions = _editions().get(score)
    if not editions:
        raise NotFound("unknown_score", score=score, known=", ".join(list_scores()))
    in_force = [table for table in editions if at is None or table.valid_from <= at.date()]
    return in_force[-1] if in_force else editions[0]


@cache
def _editions() -> dict[str, tuple[Table, ...]]:
    editions: dict[str, list[Table]] = {}
    for file in sorted(_FOLDER.glob("*.json")):
        table = read_table(json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal))
        editions.setdefault(table.score, []).append(table)
    return {score: tuple(sorted(tables, key=lambda table: table.valid_from)) for score, tables in editions.items()}


def read_table(rows: Mapping[str, Any]) -> Table:
    """A table from its file's JSON (numbers with a point as Decimal)."""
    return Table(
        score=rows["score"],
        valid_from=date.fromisoformat(rows["valid_from"]),
        method=rows["method"],
        source=rows["source"],
        evidence=rows["evidence"],
        inputs={name: _read_input(name, row) for name, row in rows["inputs"].items()},
        outputs=tuple(rows["outputs"]),
        rows=rows,
    )


def _read_input(name: str, row: Mapping[str, Any]) -> Input:
    shared = {key: row[key] for key in ("vital", "not_testable", "optional") if key in row}
    if row.get("json"):
        return Input(name, "json", **shared)
    if row.get("yes_no"):
        return Input(name, "choice", choices=("0", "1"), **shared)
    if "choices" in row:
        return Input(name, "choice", choices=tuple(row["choices"]), **shared)
    low, high, unit = _bounds(row)
    kept = {key: row[key] for key in ("decimals", "whole", "completed") if key in row}
    return Input(name, "number", unit=unit, low=low, high=high, **kept, **shared)


def _bounds(row: Mapping[str, Any]) -> tuple[Decimal, Decimal, str]:
    if "between" in row:
        low, high = row["between"]
        return Decimal(low), Decimal(high), row.get("unit", "{score}")
    field = limits().fields[row["vital"]]
    return Decimal(str(field.hard[0])), Decimal(str(field.hard[1])), field.unit
