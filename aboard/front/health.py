"""`aboard health check | dashboard`: ask a hub whether it is well; draw its figures for Grafana."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

import httpx
import msgspec
import typer

from aboard.front.language import spoken
from casebook.errors import FeedLost
from casebook.words import say

ANSWER_S = 10.0
app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def health() -> None:
    """Words about a hub's health."""


@app.command()
def check(
    hub: Annotated[str, typer.Option(envvar="ABOARD_HUB_URL", metavar="URL")] = "http://127.0.0.1:8300",
    authority: Annotated[Path | None, typer.Option("--authority", metavar="FILE", exists=True)] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Whether vehicles and screens may be sent to this hub; exit code 1 where not.

    `authority`: the certificate of a hub's own authority.
    """
    try:
        trusted = ssl.create_default_context(cafile=authority) if authority else True
        answer = httpx.get(f"{hub}/readyz", timeout=ANSWER_S, trust_env=False, verify=trusted)
        told = answer.json()
    except (httpx.HTTPError, ValueError) as wrong:
        raise FeedLost("feed_lost", feed=hub) from wrong
    if as_json:
        typer.echo(msgspec.json.encode(told).decode())
    else:
        for one in told["concerns"]:
            typer.echo(one[spoken()])
        typer.echo(say("health.ready" if told["ready"] else "health.not_ready", spoken()))
    raise typer.Exit(0 if told["ready"] else 1)


@app.command()
def dashboard() -> None:
    """A Grafana dashboard over /metrics, as JSON."""
    from aboard.health.dashboard import dashboard as made

    typer.echo(msgspec.json.format(msgspec.json.encode(made(spoken())), indent=1).decode())
