"""`aboard unit`: run a vehicle from its enrolment file until told to end."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from aboard.front.language import spoken
from casebook.words import say


def unit(
    enrolment: Annotated[Path, typer.Argument(metavar="ENROLMENT.json", show_default=False)],
    ready: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run a vehicle: agent, link to the hub, tablet."""
    asyncio.run(run(enrolment, ready))


async def run(enrolment: Path, ready: Path | None) -> None:
    from aboard.children import tell_ready, until_told
    from aboard.journal import begin
    from aboard.serving import Listening, serving
    from aboard.unit import Vehicle, read_settings
    from media.aiortc_private import listen_on

    begin()
    settings = read_settings(enrolment)
    listen_on(["127.0.0.1"] if "127.0.0.1" in settings.hub else None)
    vehicle = Vehicle(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with vehicle.running(), serving(vehicle.app, Listening(settings.host, settings.port)) as url:
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        tablet = f"{url}/tablet#{vehicle.crew_token()}"
        typer.echo(say("front.unit.tablet", spoken(), unit=settings.unit, url=tablet))
        tell_ready(ready, {"url": url, "tablet": tablet})
        await until_told(stop, ready)
