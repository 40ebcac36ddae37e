"""`aboard bench soak`: two hubs for an hour, a fault every minute; how much was answered, and what was lost."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from aboard.front.bench_faults import SEED, told_option
from aboard.front.language import spoken
from casebook.words import say


def soak(
    minutes: Annotated[int, typer.Option("--minutes", min=1, max=1440, help=told_option("minutes"))] = 60,
    every: Annotated[float, typer.Option("--every", min=1, max=600, help=told_option("every"))] = 60.0,
    first: Annotated[int, typer.Option("--from", min=0, metavar="MINUTE", help=told_option("from"))] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help=told_option("seed"))] = SEED,
    as_json: Annotated[bool, typer.Option("--json", help=say("bench.help_json", spoken()))] = False,
    write: Annotated[Path | None, typer.Option("--write", dir_okay=False, help=told_option("write_soak"))] = None,
) -> int:
    """1 when something was lost, or another goal missed."""
    from aboard.bench.faults.page import put_soak
    from aboard.bench.machine import look
    from aboard.bench.soak import run_soak
    from aboard.front.bench_faults import print_outcomes
    from casebook.clock import WallClock

    machine = look() | {"day": WallClock().now().astimezone(UTC).date().isoformat(), "seed": seed}
    outcome = run_soak(minutes, seed=seed, first=first, every_s=every, said=_say_progress)
    if write is not None:
        text = write.read_text(encoding="utf-8") if write.exists() else ""
        write.write_text(put_soak(text, outcome, machine), encoding="utf-8")
    if as_json:
        told = {"what": "soak", "machine": machine, "soak": outcome.as_view()}
        typer.echo(json.dumps(told, ensure_ascii=False, allow_nan=False, indent=2))
    else:
        print_outcomes([outcome])
    return 1 if outcome.missed() else 0


def _say_progress(minute: int, fault: str) -> None:
    typer.echo(say("fault.soak.minute", spoken(), minute=minute, fault=say(f"fault.soak.{fault}", spoken())), err=True)
