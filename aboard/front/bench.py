"""`aboard bench WHAT`: measure, print a table or (--json) one object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aboard.front.bench_faults import faults
from aboard.front.bench_soak import soak
from aboard.front.language import spoken
from casebook.words import say

if TYPE_CHECKING:
    from rich.console import Console

    from aboard.bench.figures import Case, Result
    from aboard.bench.routing.races import Meeting

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
SECONDS, CHANGES, SEED = 45.0, 24, 930
PEERS, ROUTING_SEED = "networkx,scipy,igraph,osrm,valhalla", 7
PAGE_WIDTH = 160  # columns where the output is a file or a pipe


def _told(key: str) -> str:
    return say(f"bench.{key}", spoken())


AsJson = Annotated[bool, typer.Option("--json", help=_told("help_json"))]
Seed = Annotated[int, typer.Option("--seed", min=0, help=_told("help_seed"))]


@app.command(help=_told("word.live"))
def live(
    as_json: AsJson = False,
    seconds: Annotated[float, typer.Option("--seconds", min=6, max=600, help=_told("help_seconds"))] = SECONDS,
    changes: Annotated[int, typer.Option("--changes", min=1, max=900, help=_told("help_changes"))] = CHANGES,
    seed: Seed = SEED,
    no_browser: Annotated[bool, typer.Option("--no-browser", help=_told("help_no_browser"))] = False,
) -> int:
    import asyncio

    from aboard.bench.live import bench_live

    def measure() -> Sequence[Case]:
        return asyncio.run(bench_live(seconds, changes, seed, browser=not no_browser))

    return _run("live", seed, measure, as_json)


@app.command(help=_told("word.drill"))
def drill(as_json: AsJson = False, seed: Seed = SEED) -> int:
    from aboard.bench.play import bench_drill

    return _run("drill", seed, lambda: bench_drill(seed), as_json)


@app.command(help=_told("word.setup"))
def setup(as_json: AsJson = False) -> int:
    from aboard.bench.setup import bench_setup

    return _run("setup", 0, bench_setup, as_json)


@app.command(help=_told("word.routing"))
def routing(
    graph: Annotated[Path, typer.Option("--graph", exists=True, dir_okay=False, help=_told("help_graph"))],
    as_json: AsJson = False,
    peers: Annotated[str, typer.Option("--peers", help=_told("help_peers"))] = PEERS,
    seed: Seed = ROUTING_SEED,
    osrm_dir: Annotated[
        Path | None, typer.Option("--osrm-dir", exists=True, file_okay=False, help=_told("help_osrm_dir"))
    ] = None,
    valhalla_dir: Annotated[
        Path | None, typer.Option("--valhalla-dir", exists=True, file_okay=False, help=_told("help_valhalla_dir"))
    ] = None,
    busy: Annotated[bool, typer.Option("--busy", help=_told("help_busy"))] = False,
    quick: Annotated[bool, typer.Option("--quick", help=_told("help_quick"))] = False,
) -> int:
    from aboard.bench.routing.running import bench_routing

    def told(part: str) -> None:
        typer.echo(say("bench.routing.part_begins", spoken(), part=part), err=True)

    named = [peer.strip() for peer in peers.split(",") if peer.strip()]
    meeting = bench_routing(
        graph, named, seed, busy=busy, quick=quick, osrm_dir=osrm_dir, valhalla_dir=valhalla_dir, told=told
    )
    if as_json:
        typer.echo(json.dumps(meeting.as_view(), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        _print_meeting(meeting)
    return 1 if meeting.failed else 0


@app.command(help=_told("word.decision"))
def decision(
    graph: Annotated[Path, typer.Option("--graph", exists=True, dir_okay=False, help=_told("help_graph"))],
    as_json: AsJson = False,
    seed: Seed = ROUTING_SEED,
    postgres: Annotated[str, typer.Option("--postgres", metavar="URL", help=_told("help_postgres"))] = "",
    quick: Annotated[bool, typer.Option("--quick", help=_told("help_quick_decision"))] = False,
    rounds: Annotated[int, typer.Option("--rounds", min=0, help=_told("help_rounds"))] = 0,
) -> int:
    from aboard.bench.decision import bench_decision

    def told(part: str) -> None:
        typer.echo(say("bench.decision.part_begins", spoken(), part=part), err=True)

    return _run(
        "decision", seed,
        lambda: bench_decision(graph, seed, postgres=postgres, quick=quick, rounds=rounds, said=told), as_json,
    )  # fmt: skip


@app.command(help=_told("word.vitals"))
def vitals(
    as_json: AsJson = False,
    vehicles: Annotated[int, typer.Option("--vehicles", min=1, max=9999, help=_told("help_vehicles"))] = 1000,
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=600, help=_told("help_seconds_each"))] = 10.0,
    busy: Annotated[bool, typer.Option("--busy", help=_told("help_busy"))] = False,
    growth: Annotated[bool, typer.Option("--growth", help=_told("help_growth"))] = False,
) -> int:
    from aboard.bench.vitals import bench_vitals

    if growth:
        return _grow(vehicles, seconds, busy=busy, as_json=as_json)

    def told(part: str) -> None:
        typer.echo(say("bench.vitals.part_begins", spoken(), part=say(f"bench.vitals.{part}", spoken())), err=True)

    return _run("vitals", 0, lambda: bench_vitals(vehicles, seconds, busy=busy, said=told), as_json)


@app.command(help=_told("word.media"))
def media(
    as_json: AsJson = False,
    only: Annotated[str, typer.Option("--only", metavar="hop,thin300", help=_told("help_media_only"))] = "",
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=100, help=_told("help_media_seeds"))] = 10,
    seconds: Annotated[float, typer.Option("--seconds", min=5, max=3600, help=_told("help_media_seconds"))] = 60.0,
    pictures: Annotated[int, typer.Option("--pictures", min=20, max=3000, help=_told("help_pictures"))] = 150,
    busy: Annotated[bool, typer.Option("--busy", help=_told("help_busy"))] = False,
    quick: Annotated[bool, typer.Option("--quick", help=_told("help_media_quick"))] = False,
    write: Annotated[
        Path | None, typer.Option("--write", exists=True, dir_okay=False, help=_told("help_media_write"))
    ] = None,
) -> int:
    from aboard.bench.media.document import write_into
    from aboard.bench.media.extent import Extent
    from aboard.bench.media.running import bench_media

    def told(part: str) -> None:
        typer.echo(say("bench.media.part_begins", spoken(), part=part), err=True)

    extent = Extent(min(seeds, 2) if quick else seeds, seconds, min(pictures, 45) if quick else pictures, quick, told)
    keep = partial(write_into, write) if write else None
    return _run("media", 0, lambda: bench_media(only, extent, busy=busy), as_json, keep)


@app.command(help=_told("word.fanout"))
def fanout(
    as_json: AsJson = False,
    vehicles: Annotated[int, typer.Option("--vehicles", min=1, max=9999, help=_told("help_vehicles"))] = 1000,
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=3600, help=_told("help_seconds_each"))] = 10.0,
    hold: Annotated[float, typer.Option("--hold", min=0, max=1440, help=_told("help_hold"))] = 0.0,
    busy: Annotated[bool, typer.Option("--busy", help=_told("help_busy"))] = False,
) -> int:
    from aboard.bench.fanout import bench_fanout

    def told(part: str) -> None:
        typer.echo(say("bench.fanout.part_begins", spoken(), part=say(f"bench.fanout.{part}", spoken())), err=True)

    return _run("fanout", 0, lambda: bench_fanout(vehicles, seconds, hold_s=60 * hold, busy=busy, said=told), as_json)


@app.command(help=_told("word.outbox"))
def outbox(
    as_json: AsJson = False,
    busy: Annotated[bool, typer.Option("--busy", help=_told("help_busy"))] = False,
) -> int:
    from aboard.bench.outbox import bench_outbox

    def told(part: str) -> None:
        typer.echo(say("bench.outbox.part_begins", spoken(), part=say(f"bench.outbox.{part}", spoken())), err=True)

    def left_out(part: str, why: str) -> None:
        words = say(f"bench.outbox.{part}", spoken())
        typer.echo(say("bench.outbox.left_out", spoken(), part=words, why=why), err=True)

    return _run("outbox", 0, lambda: bench_outbox(busy=busy, said=told, left_out=left_out), as_json)


app.command("faults", help=_told("word.faults"))(faults)
app.command("soak", help=_told("word.soak"))(soak)


def _run(
    what: str,
    seed: int,
    measure: Callable[[], Sequence[Case]],
    as_json: bool,
    keep: Callable[[Result], None] | None = None,
) -> int:
    """Look at the machine first, measure, `keep`, tell. 1 when a goal was missed on a quiet machine."""
    from aboard.bench.figures import Result
    from aboard.bench.machine import load_now, look

    machine = look()
    cases = measure()
    result = Result(what, seed, machine | {"load_after": load_now()}, cases)
    if keep is not None:
        keep(result)
    if as_json:
        typer.echo(json.dumps(result.as_view(), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        _print(result)
    return 1 if result.failed else 0


def _print(result: Result) -> None:
    from aboard.bench.table import as_table

    _page().print(as_table(result, spoken()))
    _say_machine(result.machine, loaded=result.loaded)


def _print_meeting(meeting: Meeting) -> None:
    from aboard.bench.routing.table import as_table, lines

    _page().print(as_table(meeting, spoken()))
    for line in lines(meeting, spoken()):
        typer.echo(line)
    _say_machine(meeting.machine, loaded=meeting.loaded)


def _grow(vehicles: int, seconds: float, *, busy: bool, as_json: bool) -> int:
    """The vitals path from `vehicles` to ten times as many. 1 when a row was lost."""
    from aboard.bench.growth import Growth, bench_growth
    from aboard.bench.growth_table import as_table
    from aboard.bench.machine import load_now, look

    def told(size: int) -> None:
        typer.echo(say("bench.growth.size_begins", spoken(), vehicles=size), err=True)

    machine = look()
    rows = bench_growth(vehicles, seconds, busy=busy, said=told)
    growth = Growth(machine | {"load_after": load_now()}, rows)
    if as_json:
        typer.echo(json.dumps(growth.as_view(), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        _page().print(as_table(rows, spoken()))
        _say_machine(growth.machine, loaded=growth.loaded)
    return 1 if growth.failed else 0


def _page() -> Console:
    from rich.console import Console

    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=PAGE_WIDTH)


def _say_machine(machine: Mapping[str, Any], *, loaded: bool) -> None:
    from aboard.bench.figures import LOAD_MAX

    load = "?" if machine["load_before"] is None else f"{machine['load_before']:.2f}"
    key = "bench.loaded" if loaded else "bench.quiet"
    facts = {"processor": machine["processor"] or "?", "cores": machine["cores"] or "?", "python": machine["python"]}
    typer.echo(say(key, spoken(), load=load, most=f"{LOAD_MAX:g}", **facts))
