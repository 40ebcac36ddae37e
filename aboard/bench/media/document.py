"""Write what was measured into a document, between two marks that stand in it already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from aboard.bench.figures import Result
from aboard.bench.table import HEADS, cells
from casebook.clock import WallClock
from casebook.errors import RefusedInput
from casebook.words import Language, say

BEGINS, ENDS = "<!-- aboard bench media: begin -->", "<!-- aboard bench media: end -->"
LANGUAGE: Language = "en"


def write_into(document: Path, result: Result) -> None:
    """Raises RefusedInput (`bench_no_place`) where the marks are missing."""
    text = document.read_text(encoding="utf-8")
    before, begins, rest = text.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not (begins and ends):
        raise RefusedInput("bench_no_place", file=document.name, begins=BEGINS, ends=ENDS)
    table = "\n".join(_lines(result))
    document.write_text(f"{before}{BEGINS}\n{table}\n{ENDS}{after}", encoding="utf-8")


def _lines(result: Result) -> Iterator[str]:
    machine = result.machine
    load = "?" if machine["load_before"] is None else f"{machine['load_before']:.2f}"
    day = WallClock().now().astimezone(UTC).date().isoformat()
    yield say(
        "bench.media.measured", LANGUAGE, day=day, cores=machine["cores"] or "?",
        processor=machine["processor"] or "?", system=machine["system"], load=load,
    )  # fmt: skip
    yield ""
    yield "| " + " | ".join(say(f"bench.head.{head}", LANGUAGE) for head in HEADS) + " |"
    yield "|---|---|---|---|---|---|---|"
    for case in result.cases:
        *told, peers = cells(case, LANGUAGE, loaded=result.loaded)
        yield "| " + " | ".join([*told, "; ".join(peers)]) + " |"
