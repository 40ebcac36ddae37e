"""`aboard simulate`: hubs, vehicles and people on virtual time under random faults; each run is judged.

A seed that breaks a promise is named and can be run again alone. What must hold: scenarios/simulator/checker.py.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

import msgspec
import typer

from aboard.front.language import spoken
from casebook.words import say

SEEDS = 200  # a minute or less on one core


def simulate(
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help=say("simulate.help_seeds", spoken()))] = SEEDS,
    first: Annotated[int, typer.Option("--from", metavar="SEED", help=say("simulate.help_from", spoken()))] = 0,
    only: Annotated[
        int | None, typer.Option("--seed", metavar="SEED", help=say("simulate.help_seed", spoken()))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=say("simulate.help_json", spoken()))] = False,
) -> int:
    """Run seeds; exit code 1 when one of them breaks a promise."""
    from aboard.serving import server_of
    from scenarios.simulator.parts import Parts
    from scenarios.simulator.running import simulate_many

    logging.disable(logging.CRITICAL)  # what simulated machines log is nothing that this one has to say
    chosen = range(first, first + seeds) if only is None else (only,)
    failed, entries, seconds = 0, 0, 0.0
    for outcome in simulate_many(chosen, Parts(server_of)):
        failed += bool(outcome.violations)
        entries, seconds = entries + outcome.entries, seconds + outcome.seconds
        if as_json:
            typer.echo(msgspec.json.encode(outcome).decode())
        elif outcome.violations or only is not None:
            _tell(outcome)
    if not as_json:
        key = "simulate.broken" if failed else "simulate.whole"
        facts = {"seeds": len(chosen), "entries": entries, "minutes": round(seconds / 60), "failed": failed}
        typer.echo(say(key, spoken(), **facts))
    return 1 if failed else 0


def _tell(outcome: Any) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in outcome.counts.items())
    facts = {"seed": outcome.seed, "entries": outcome.entries, "digest": outcome.digest, "counts": counts}
    typer.echo(say("simulate.seed", spoken(), **facts))
    for one in outcome.violations:
        typer.echo(say("simulate.violation", spoken(), rule=one.rule, what=one.what))
