"""`aboard media retention`: which recordings a hub keeps, and when each of them is deleted.

Reads the book beside a running hub and changes nothing; the rule is `media.retention`'s, deleting the hub's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from aboard.front.language import spoken
from aboard.front.log import find_book
from casebook.clock import Clock, WallClock
from casebook.picture import Picture
from casebook.words import say
from media.retention import Rule, Stored, read_rules, rule_at, stored

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def media() -> None:
    """So that the one command keeps its name."""


@app.command(help=say("front.media.retention", spoken()))
def retention(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help=say("front.media.option.folder", spoken()))] = Path(
        "aboard-hub"
    ),
    json: Annotated[bool, typer.Option("--json", help=say("front.media.option.json", spoken()))] = False,
) -> None:
    """Raises RefusedInput when the folder has no book, or rules that cannot be read."""
    told = retention_of(folder, WallClock())
    if json:
        typer.echo(msgspec.json.encode(told).decode())
        return
    rule = told["rule"]
    typer.echo(say("front.media.rule", spoken(), since=rule["from"], days=rule["recordings_days"]))
    for one in told["recordings"] or [None]:
        typer.echo(_line(one) if one else say("front.media.none", spoken()))


def retention_of(folder: Path, clock: Clock) -> dict[str, Any]:
    """{rule, recordings: [{name, unit, casualty, at, bytes, state, goes_at}]}; `state`: runs, held, goes, over."""
    rules, now = read_rules(find_book(folder).parent), clock.now()
    kept = stored(_picture_of(folder, clock), rules, now)
    return {"rule": _rule(rule_at(rules, now)), "recordings": [_told(one, one.is_over(now)) for one in kept]}


def _picture_of(folder: Path, clock: Clock) -> Picture:
    from casebook.book import Book
    from casebook.store.opening import open_log

    log = open_log(str(find_book(folder)), make=False)
    try:
        return Book.open(log, clock).picture
    finally:
        log.close()


def _rule(rule: Rule) -> dict[str, Any]:
    return {"from": rule.since.isoformat(), "recordings_days": rule.recordings_days, "why": rule.why}


def _told(one: Stored, is_over: bool) -> dict[str, Any]:
    state, started = one.recording, one.recording.started
    word = "runs" if state.stopped_at is None else "held" if one.goes_at is None else "over" if is_over else "goes"
    size = sum(kept.bytes for kept in state.files.values())
    told = {"name": started.recording, "unit": started.unit, "casualty": started.casualty, "at": state.at.isoformat()}
    return told | {"bytes": size, "state": word, "goes_at": one.goes_at.isoformat() if one.goes_at else None}


def _line(one: dict[str, Any]) -> str:
    state = say(f"front.media.{one['state']}", spoken(), at=(one["goes_at"] or "")[:10])
    facts = {"name": one["name"], "unit": one["unit"], "at": one["at"][:16], "mb": round(one["bytes"] / 1e6, 1)}
    return say("front.media.kept", spoken(), **facts, state=state)
