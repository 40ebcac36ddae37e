"""`aboard drill`: play a scenario and say what it proved."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aboard.front.language import spoken
from casebook.errors import RefusedInput
from casebook.words import say

if TYPE_CHECKING:
    from aboard.relay import Line

DEFAULT, RATE, FAST = "g60_fengjing", 6.0, 60.0
PORTS = (8300, 8310, 8311)
LINK = "loss=PCT,delay=MS,rate=KBPS"


def _told(key: str) -> str:
    return say(f"front.drill.help.{key}", spoken())


def drill(
    name: Annotated[str, typer.Argument(metavar="[NAME|FILE]")] = DEFAULT,
    rate: Annotated[float, typer.Option(min=1, max=60)] = RATE,
    fast: Annotated[bool, typer.Option("--fast")] = False,
    headless: Annotated[bool, typer.Option("--headless")] = False,
    out: Annotated[Path | None, typer.Option()] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    port: Annotated[int, typer.Option(min=0, max=65535)] = PORTS[0],
    check: Annotated[bool, typer.Option("--check")] = False,
    link: Annotated[str, typer.Option(metavar=LINK, show_default=False, help=_told("link"))] = "",
) -> int:
    """Play a scenario; writes report.json and report.html. Exit code 1 when an expectation failed."""
    from aboard.relay import read_line
    from scenarios.format import find_scenario, load_scenario
    from scenarios.vocabulary import all_asks

    line = read_line(link) if link else None
    scenario = load_scenario(find_scenario(name), all_asks(), spoken())
    if check:
        typer.echo(say("front.drill.sound", spoken(), name=scenario.id, steps=len(scenario.steps)))
        return 0
    if seed is not None:
        scenario = replace(scenario, seed=seed)
    folder = out or Path("drills") / f"{scenario.id}-{_stamp()}"
    if (folder / "hub" / "book.sqlite").exists():
        raise RefusedInput("drill_folder_used", folder=folder)
    ports = () if headless else (port, *(port + number for number in range(10, 20)))
    return asyncio.run(_play(scenario, folder.resolve(), FAST if fast else rate, headless, ports, line))


def _stamp() -> str:
    from casebook.clock import SHANGHAI, WallClock

    return f"{WallClock().now().astimezone(SHANGHAI):%Y%m%d-%H%M%S}"


async def _play(
    scenario: Any, folder: Path, rate: float, headless: bool, ports: tuple[int, ...], line: Line | None
) -> int:
    from aboard.drill import Drill
    from aboard.reporting import write_report

    stage = Drill(scenario, folder, rate, told=_tell_step, ports=ports, line=line)
    typer.echo(say("front.drill.begins", spoken(), title=scenario.title[spoken()], rate=f"{rate:g}", folder=folder))
    async with stage.set_up():
        screens = stage.screens()
        for key, url in screens:
            typer.echo(say(f"front.drill.{key}", spoken(), url=url))
        if not headless:
            await asyncio.to_thread(_open, [url for _, url in screens])
        performance = await stage.perform()
        stays = not headless and sys.stdout.isatty()
        if stays:
            report = await asyncio.to_thread(write_report, stage, performance)
            _summarise(report, folder)
            typer.echo(say("front.drill.stays", spoken()))
            await asyncio.Event().wait()
    report = await asyncio.to_thread(write_report, stage, performance)  # of the whole log, now that the hub has ended
    _summarise(report, folder)
    return 0 if report["passed"] else 1


def _tell_step(played: Any) -> None:
    from casebook.clock import SHANGHAI

    at: datetime | None = played.due_at
    time = f"{at.astimezone(SHANGHAI):%H:%M:%S}" if at else "--:--:--"
    step = played.step
    key = "front.drill.refused" if played.error else "front.drill.step"
    typer.echo(say(key, spoken(), time=time, who=step.who, what=step.name or step.ask or step.fault, why=played.why))


def _open(urls: list[str]) -> None:
    """Open the screens where there is a display; a machine without one has the links above."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if isinstance(browser, webbrowser.GenericBrowser) and browser.name in ("www-browser", "w3m", "lynx", "links"):
        return  # a text browser would take the terminal
    for url in urls:
        browser.open(url)


def _summarise(report: dict[str, Any], folder: Path) -> None:
    from rich.console import Console

    from scenarios.report_summary import report_summary

    report_summary(report, Console(), spoken())
    typer.echo(say("front.drill.written", spoken(), folder=folder))
