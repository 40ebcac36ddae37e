"""`aboard hub`: run the hub of a region until told to end."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from aboard.front.language import spoken
from casebook.errors import RefusedInput
from casebook.words import say

FOLDER = Path("aboard-hub")


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Where the hub keeps its book and listens. `facts`: a file of first facts, written into an empty book. `url`: how
    vehicles and screens reach it, where that is not where it listens."""

    region: str
    folder: Path
    host: str
    port: int
    cert: Path | None = None
    key: Path | None = None
    fleet: Path | None = None
    authority: Path | None = None
    facts: Path | None = None
    clock: Path | None = None
    ready: Path | None = None
    holds: str = ""
    store: str = ""
    url: str = ""
    bus: str = ""
    otel: str = ""


def hub(
    region: Annotated[str, typer.Option(envvar="ABOARD_REGION")] = "yangtze_delta",
    folder: Annotated[Path, typer.Option(envvar="ABOARD_FOLDER")] = FOLDER,
    host: Annotated[str, typer.Option(envvar="ABOARD_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="ABOARD_PORT", min=0, max=65535)] = 8300,
    tls_cert: Annotated[Path | None, typer.Option(envvar="ABOARD_TLS_CERT")] = None,
    tls_key: Annotated[Path | None, typer.Option(envvar="ABOARD_TLS_KEY")] = None,
    tls_own_ca: Annotated[bool, typer.Option("--tls-own-ca")] = False,
    fleet: Annotated[Path | None, typer.Option(envvar="ABOARD_FLEET")] = None,
    holds: Annotated[str, typer.Option(envvar="ABOARD_HOLDS", metavar="URL")] = "",
    store: Annotated[str, typer.Option(envvar="ABOARD_STORE", metavar="URL")] = "",
    bus: Annotated[str, typer.Option(envvar="ABOARD_BUS", metavar="BUS")] = "",
    url: Annotated[str, typer.Option(envvar="ABOARD_URL", metavar="URL")] = "",
    otel: Annotated[str, typer.Option(envvar="ABOARD_OTEL", metavar="URL")] = "",
    facts: Annotated[Path | None, typer.Option(hidden=True)] = None,
    drill_clock: Annotated[Path | None, typer.Option(hidden=True)] = None,
    ready: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the hub: desks, screens, media."""
    if (tls_cert is None) != (tls_key is None):
        raise RefusedInput("tls_half_given")
    authority = None
    if tls_own_ca and tls_cert is None:
        from aboard.front.tls import own_ca

        made = own_ca(folder / "tls", [host])
        tls_cert, tls_key, authority = made.cert, made.key, made.ca
        typer.echo(say("front.hub.authority", spoken(), file=made.ca))
    settings = HubSettings(
        region, folder, host, port, tls_cert, tls_key, fleet, authority, facts, drill_clock, ready, holds, store, url,
        bus, otel,
    )  # fmt: skip
    asyncio.run(run(settings))


async def run(settings: HubSettings) -> None:
    gc.disable()  # until `rest` takes over: of what a start makes nothing goes, and to look at it takes a tenth of it
    from aboard.children import tell_ready, until_told
    from aboard.descriptors import take_descriptors
    from aboard.hub_setup import open_hub, write_enrolments
    from aboard.journal import begin
    from aboard.rest import set_aside_what_lives_long
    from aboard.serving import Listening, serving
    from aboard.spans import spans_told
    from casebook.clock import RateClock, WallClock
    from media.aiortc_private import listen_on

    begin()
    take_descriptors()
    clock = RateClock.at_file(settings.clock) if settings.clock else WallClock()
    listen_on(["127.0.0.1"] if settings.host in ("127.0.0.1", "localhost") else None)
    hub, links = await open_hub(
        settings.folder, settings.region, clock, facts=settings.facts, fleet=settings.fleet,
        drill=settings.clock is not None, holds=settings.holds, store=settings.store, bus=settings.bus,
    )  # fmt: skip
    stop = asyncio.Event()
    listening = Listening(settings.host, settings.port, settings.cert, settings.key)
    told = spans_told(settings.otel, [ask.name for ask in hub.asks()])
    async with told, hub.running(), serving(hub.app, listening) as url:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        resting = asyncio.create_task(set_aside_what_lives_long())
        _tell(url, links, settings.folder)
        reached = settings.url.rstrip("/") or _reached_at(url)
        if hub.in_step is not None:
            hub.in_step.peers.url = reached
        if settings.clock is None:
            for file in write_enrolments(settings.folder, hub, links, reached, settings.authority):
                typer.echo(say("front.hub.enrolment", spoken(), file=file))
        tell_ready(settings.ready, {"url": url})
        await until_told(stop, settings.ready)
        resting.cancel()


def _reached_at(url: str) -> str:
    """The hub's address as a vehicle dials it: "every address" is not one; the first of this machine's is."""
    from aboard.front.tls import own_addresses

    others = [one for one in own_addresses() if ":" not in one and not one.startswith("127.")]
    return url.replace("0.0.0.0", others[0]) if others else url


def _tell(url: str, links: dict[str, str], folder: Path) -> None:
    """Print the link of every screen; whoever has the link has the role, so a file or a journal gets no token."""
    on_terminal = sys.stdout.isatty()
    shown = {who: f"#{token}" if on_terminal else "" for who, token in links.items()}
    typer.echo(say("front.hub.console", spoken(), url=f"{url}/console{shown['dispatcher']}"))
    for who, token in shown.items():
        kind, _, id = who.partition(":")
        if kind == "hospital":
            typer.echo(say("front.hub.wall", spoken(), hospital=id, url=f"{url}/wall?hospital={id}{token}"))
    if not on_terminal:
        typer.echo(say("front.hub.tokens", spoken(), file=folder / "links.json"))
