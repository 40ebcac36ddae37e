"""`aboard bench faults`: break hubs and vehicles, and tell what of what was promised is still there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aboard.front.language import spoken
from casebook.words import say

if TYPE_CHECKING:
    from rich.table import Table

    from aboard.bench.faults.finding import Outcome
    from aboard.bench.faults.table import Fault

SEED = 1


def told_option(key: str) -> str:
    """What an option of the faults' commands is for."""
    return say(f"fault.option.{key}", spoken())


def faults(
    only: Annotated[str, typer.Option("--only", metavar="F1,F7", help=told_option("only"))] = "",
    full: Annotated[bool, typer.Option("--full", help=told_option("full"))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=say("bench.help_json", spoken()))] = False,
    write: Annotated[Path | None, typer.Option("--write", dir_okay=False, help=told_option("write"))] = None,
    keep: Annotated[Path | None, typer.Option("--keep", dir_okay=False, help=told_option("keep"))] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help=told_option("seed"))] = SEED,
) -> int:
    """1 when something was lost, or another goal missed."""
    from aboard.bench.faults.page import kept_soak, page
    from aboard.bench.faults.running import play_all
    from aboard.bench.faults.table import chosen
    from aboard.bench.machine import look
    from casebook.clock import WallClock

    machine = look() | {"day": WallClock().now().astimezone(UTC).date().isoformat(), "seed": seed}
    outcomes = play_all(chosen(only.split(",")), full=full, seed=seed, said=_say_progress, kept=keep)
    if write is not None:
        soak = kept_soak(write.read_text(encoding="utf-8")) if write.exists() else ""
        write.write_text(page(outcomes, machine) + soak, encoding="utf-8")
    if as_json:
        told = {"what": "faults", "machine": machine, "faults": [one.as_view() for one in outcomes]}
        typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False, indent=2))
    else:
        print_outcomes(outcomes)
    return 1 if any(one.missed() for one in outcomes) else 0


def _say_progress(fault: Fault, done: int, of: int) -> None:
    words = say(f"fault.{fault.name}", spoken())
    far = say("fault.far", spoken(), done=done, of=of) if of else ""
    typer.echo(f"{fault.number} {words} {far}".rstrip(), err=True)


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A table of every figure against its goal."""
    from rich.console import Console

    screen = Console(highlight=False)
    (screen if screen.is_terminal else Console(highlight=False, width=140)).print(_table(outcomes))
    if any(one.loaded for one in outcomes if not one.not_run):
        typer.echo(say("fault.loaded", spoken()))


def _table(outcomes: Sequence[Outcome]) -> Table:
    from rich.table import Table

    from aboard.bench.faults.finding import NotRun
    from aboard.bench.faults.page import figure_name, goal, held, told
    from aboard.bench.faults.table import FAULTS

    numbers = {fault.name: fault.number for fault in FAULTS}
    table = Table(box=None, pad_edge=False)
    for head in ("fault", "figure", "measured", "goal", "held"):
        table.add_column(say(f"fault.head.{head}", spoken()), justify="right" if head == "measured" else "left")
    for one in outcomes:
        name = f"{numbers.get(one.fault, '')} {say(f'fault.{one.fault}', spoken())}".strip()
        if one.not_run:
            table.add_row(name, NotRun(why=one.not_run).said(spoken()))
        for finding in one.findings:
            verdict = held(finding, spoken(), loaded=one.loaded)
            table.add_row(name, figure_name(finding, spoken()), told(finding), goal(finding), verdict)
            name = ""
    return table
