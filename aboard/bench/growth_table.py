"""The growth of the vitals path as lines for people: a row for each size, a dash for what was not measured."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from aboard.bench.growth import Grown
from casebook.words import Language, say

HEADS = (
    "times", "vehicles", "linked_s", "ack_p50", "ack_p99", "late_p99", "unanswered", "lost", "hub_cores", "fleet_cores",
    "hub_mb", "verdict",
)  # fmt: skip


def as_table(rows: Sequence[Grown], language: Language) -> Table:
    """One row for each size."""
    table = Table(box=None, pad_edge=False)
    for head in HEADS:
        table.add_column(say(f"bench.growth.{head}", language), justify="left" if head == "verdict" else "right")
    for row in rows:
        table.add_row(*cells(row, language))
    return table


def cells(row: Grown, language: Language) -> tuple[str, ...]:
    """What stands under each of `HEADS`."""
    verdict = say(f"bench.growth.is_{row.verdict}", language)
    return (
        f"{row.times}x", str(row.vehicles), _number(row.linked_s, 1), _number(row.ack.p50, 1), _number(row.ack.p99, 1),
        _number(row.late.p99, 1), _number(row.unanswered, 0), _number(row.lost, 0), _number(row.hub_cores, 2),
        _number(row.fleet_cores, 2), _number(row.hub_mb, 0), f"{verdict}: {row.why}" if row.why else verdict,
    )  # fmt: skip


def _number(value: float | None, decimals: int) -> str:
    return "--" if value is None else f"{value:.{decimals}f}"
