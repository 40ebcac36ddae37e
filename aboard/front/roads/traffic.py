"""``aboard roads traffic``: read a batch of a traffic feed against a road map, say what would be taken and what not.

Publishes nothing: a hub takes its feeds through ``report_traffic`` (docs/traffic.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aboard.front.language import spoken
from aboard.front.roads.options import AsJson, At, Country, RoadFile, app, told
from aboard.front.roads.printing import print_json
from aboard.front.roads.reading import read_instant
from casebook.errors import RefusedInput


@app.command(help=told("word.traffic"))
def traffic(
    roads: RoadFile,
    feed: Annotated[Path, typer.Option("--feed", metavar="FILE", help=told("help_feed"))],
    shape: Annotated[str, typer.Option("--shape", metavar="NAME", help=told("help_shape"))] = "csv",
    source: Annotated[str, typer.Option("--source", metavar="NAME", help=told("help_source"))] = "feed",
    whole: Annotated[bool, typer.Option("--whole", help=told("help_whole"))] = False,
    at: At = None,
    country: Country = None,
    as_json: AsJson = False,
) -> None:
    from routing.live import LiveTraffic
    from routing.roads import load_roads

    now = read_instant(at)
    try:
        raw = feed.read_bytes()
    except OSError as missing:
        raise RefusedInput("feed_missing", file=str(feed), why=missing.strerror or missing) from missing
    live = LiveTraffic(load_roads(roads, country=country))
    report = live.take(raw, shape=shape, source=source, now=now, whole=whole)
    if as_json:
        print_json(report.as_facts())
    else:
        typer.echo(report.said(spoken()))
