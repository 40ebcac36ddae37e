"""`aboard replay`: decide every step of a recorded log again and compare; the first difference is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aboard.front.language import spoken
from aboard.front.log import find_book
from casebook.words import say

SHOWN = 10  # differences told; one wrong figure early on changes many after it


def replay(
    log: Annotated[Path, typer.Argument(metavar="LOG", show_default=False)],
    region: Annotated[str, typer.Option(envvar="ABOARD_REGION")] = "",
) -> int:
    """Decide again what the log of a drill or hub decided. Exit code 1 and the entry where it differs."""
    from aboard.hub_setup import load_region_roads
    from casebook.sqlite_log import SqliteLog
    from scenarios.compare import compare, region_of

    book = SqliteLog(find_book(log), make=False)
    try:
        entries = list(book.read())
    finally:
        book.close()
    known = region_of(entries, region)
    found = compare(entries, known, load_region_roads(known))
    if not found.differences:
        typer.echo(say("compare.equal", spoken(), count=found.entries, decisions=found.decisions, head=found.head))
        return 0
    first = found.differences[0]
    typer.echo(say("compare.first", spoken(), seq=first.seq, kind=first.kind, count=len(found.differences)))
    for one in found.differences[:SHOWN]:
        typer.echo(
            say("compare.line", spoken(), seq=one.seq, kind=one.kind, field=one.field or "-",
                recorded=_short(one.recorded), redecided=_short(one.redecided))
        )  # fmt: skip
    return 1


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
