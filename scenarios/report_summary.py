"""The drill's result on a terminal: minutes saved, the clocks, the decision with reasons, expectations, ledger.

The same figures as report.html, from report.json alone; names of hospitals are therefore their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from casebook.words import Language
from scenarios.report_page.voice import NOTHING, Voice

CLOCKS = ("handover_to_door", "incident_to_door", "decision_to_door", "ground_incident_to_door")
MOST_REJECTED = 5  # ways told on the terminal; the page has them all
GOOD, BAD, QUIET = "bold green", "bold red", "dim"


def report_summary(report: Mapping[str, Any], console: Console, language: Language = "zh") -> None:
    """Print it. Nothing from outside is read as markup."""
    voice = Voice(language, None)
    title = Text(f"{voice.say('drill.mark')} · {report['title'].get(language) or report['scenario']}")
    parts: Iterable[RenderableType] = (
        _saved(voice, report), _clocks(voice, report), _decision(voice, report), _expectations(voice, report),
        *_ledger(voice, report),
    )  # fmt: skip
    console.print(Panel(Group(*parts), title=title, border_style="magenta", padding=(1, 2)))


def _saved(voice: Voice, report: Mapping[str, Any]) -> Text:
    clocks = report["clocks_s"]
    saved, ground, actual = (clocks.get(name) for name in ("saved", "ground_incident_to_door", "incident_to_door"))
    if saved is None:
        return Text(voice.say("report.saved.no_door" if actual is None else "report.saved.no_ground") + "\n", BAD)
    word = voice.say("report.saved.lost" if saved < 0 else "report.saved.won")
    told = Text.assemble((word, GOOD if saved >= 0 else BAD), " ", (voice.minutes(abs(saved)), "bold"), " ")
    told.append(voice.say("report.minutes_unit") + "\n", "bold")
    formula = voice.say(
        "report.saved.formula", ground=voice.minutes(ground), actual=voice.minutes(actual), saved=voice.minutes(saved)
    )  # fmt: skip
    return told.append(formula + "\n", QUIET)


def _clocks(voice: Voice, report: Mapping[str, Any]) -> Table:
    clocks = report["clocks_s"]
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style=QUIET)
    table.add_column()
    table.add_column(justify="right", style="bold")
    for letter, name in zip("abcd", CLOCKS, strict=True):
        table.add_row(letter, voice.say(f"report.clock.{name}"), voice.span(clocks.get(name)))
    table.add_row("", voice.say("report.summary.first_data"), voice.span(clocks["incident_to_first_data"]))
    return table


def _decision(voice: Voice, report: Mapping[str, Any]) -> RenderableType:
    made = report["decision"]
    table = Table(
        title=_heading(voice, "decision"), title_justify="left", box=None, padding=(0, 2, 0, 0), show_header=False
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    if not made.get("hospital"):
        table.add_row(Text(voice.say("report.no_destination"), BAD), "", "")
    else:
        way = f"{made['hospital']} · {voice.word('report.way', made['mode'])}"
        merits = voice.listed([voice.reason(one, {}) for one in made.get("reasons", ())])
        table.add_row(Text(f"✓ {way}", GOOD), Text(voice.span(made.get("eta_s"))), Text(merits))
    for one in made["rejected"][:MOST_REJECTED]:
        way = f"✗ {one['hospital'] or voice.say('destination.any_hospital')} · {voice.word('report.way', one['mode'])}"
        why = voice.listed([voice.reason(reason, {}) for reason in one["reasons"]])
        table.add_row(Text(way), Text(voice.span(one["eta_s"])), Text(why, QUIET))
    left = len(made["rejected"]) - MOST_REJECTED
    if left > 0:
        table.add_row(Text(voice.say("report.summary.more", n=left), QUIET), "", "")
    return table


def _expectations(voice: Voice, report: Mapping[str, Any]) -> RenderableType:
    lines = report["expectations"]
    table = Table(
        title=_heading(voice, "expectations"), title_justify="left", box=None, padding=(0, 2, 0, 0), show_header=False
    )
    for one in lines:
        passed = bool(one["passed"])
        word = voice.say("report.passed" if passed else "report.failed")
        name = one["name_zh" if voice.language == "zh" else "name"]
        mark = Text(f"{'✓' if passed else '✗'} {word}", GOOD if passed else BAD)
        table.add_row(mark, Text(str(name)), Text(voice.measured(str(one["value"]), one["actual"])))
    return table if lines else Text(voice.say("report.no_expectations"), QUIET)


def _ledger(voice: Voice, report: Mapping[str, Any]) -> Iterable[Text]:
    vitals, video, log = report["vitals"], report["video"], report["log"]
    latency = {name: NOTHING if ms is None else f"{ms:.0f}" for name, ms in video["latency_ms"].items()}
    yield Text("\n" + voice.say("report.summary.vitals", **vitals), GOOD if vitals["lost"] == 0 else BAD)
    yield Text(voice.say("report.summary.video", sent=video["frames_sent"], shown=video["frames_shown"], **latency))
    yardstick = report.get("yardstick", ())
    met = voice.say("report.glance.of", passed=sum(one["passed"] for one in yardstick), of=len(yardstick))
    yield Text(f"{voice.say('report.section.yardstick')} {met}")
    for one in report["steps"]["refused"]:
        yield Text(f"✗ {one['step']} {one['ask']}: {one['why'] or one['error']}", BAD)
    yield Text(voice.say("report.summary.log", events=log["events"], head=log["head"][:16]), QUIET)


def _heading(voice: Voice, name: str) -> Text:
    return Text("\n" + voice.say(f"report.section.{name}"), "bold not italic")
