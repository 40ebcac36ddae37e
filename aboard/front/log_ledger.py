"""The ledger of samples as a table on the terminal or as JSON; what it says is casebook/ledger.py's."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from casebook.ledger import Line
from casebook.words import Language, say

COLUMNS = ("casualty", "unit", "sampled", "unstored", "committed", "missing", "lost", "late", "gaps", "shown")
UNKNOWN = "?"


def as_view(lines: Sequence[Line]) -> str:
    """One object: `lines`, each as casebook/ledger.py has it."""
    return msgspec.json.format(msgspec.json.encode({"lines": lines}), indent=2).decode()


def as_table(lines: Sequence[Line], language: Language) -> None:
    table = Table()
    for name in COLUMNS:
        table.add_column(say(f"front.ledger.{name}", language), justify="left" if name in COLUMNS[:2] else "right")
    for line in lines:
        table.add_row(*cells(line, language))
    page = Console(highlight=False)
    (page if page.is_terminal else Console(highlight=False, width=160)).print(table)


def cells(line: Line, language: Language) -> list[str]:
    """In the order of COLUMNS; what nobody told is "?"."""
    counted = line.counted
    told = (counted.sampled, counted.unstored, counted.missing, counted.lost) if counted else (None,) * 4
    sampled, unstored, missing, lost = (UNKNOWN if one is None else str(one) for one in told)
    gaps = line.gaps_s
    longest = say("front.ledger.gap", language, count=len(gaps), longest=f"{max(gaps):g}") if gaps else "0"
    shown = ", ".join(f"{name} {screen.shown}" for name, screen in line.screens.items()) or UNKNOWN
    return [
        line.casualty, line.unit, sampled, unstored, str(line.committed), missing, lost, str(line.late), longest, shown,
    ]  # fmt: skip
