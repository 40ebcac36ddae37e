"""docs/RELIABILITY.md out of one run: every fault, how it was made, what it showed beside what it must hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aboard.bench.faults.finding import Finding, Outcome
from aboard.bench.faults.running import Run
from aboard.bench.faults.table import FAULTS
from casebook.words import say

LANGUAGE = "en"


def page(run: Run) -> str:
    return "\n".join([*_head(run), *(line for fault in FAULTS for line in _part(run, fault.number, fault.name))]) + "\n"


def _head(run: Run) -> Iterator[str]:
    machine = run.machine
    yield f"# {_say('page.title')}"
    yield ""
    yield _say("page.about")
    yield ""
    yield "```"
    yield "aboard bench faults --full --write docs/RELIABILITY.md"
    yield "```"
    yield ""
    yield _say(
        "page.machine", day=machine["day"], system=machine["system"], processor=machine["processor"] or "?",
        cores=machine["cores"] or "?", memory_gb=round((machine["memory_mb"] or 0) / 1000), python=machine["python"],
        sqlite=machine["sqlite"], before=machine["load_before"], after=machine["load_after"],
        form=_say("page.full" if run.full else "page.short"), seed=run.seed,
    )  # fmt: skip
    if run.loaded:
        yield ""
        yield _say("page.loaded")
    yield ""
    yield _say("page.elsewhere")


def _part(run: Run, number: str, name: str) -> Iterator[str]:
    outcome = next((one for one in run.outcomes if one.fault == name), None)
    yield ""
    yield f"## {number}. {say(f'fault.{name}', LANGUAGE)}"
    yield ""
    yield say(f"fault.{name}.how", LANGUAGE)
    yield ""
    if outcome is None or outcome.not_run is not None:
        yield _say("page.not_run") if outcome is None else outcome.not_run.said(LANGUAGE)  # type: ignore[union-attr]
        return
    yield from _figures(outcome, loaded=run.loaded)


def _figures(outcome: Outcome, *, loaded: bool) -> Iterator[str]:
    yield f"| {_say('head.figure')} | {_say('head.measured')} | {_say('head.goal')} | {_say('head.held')} |"
    yield "|---|---|---|---|"
    for one in outcome.findings:
        yield f"| {figure_name(one, LANGUAGE)} | {told(one)} | {goal(one)} | {held(one, LANGUAGE, loaded=loaded)} |"


def figure_name(one: Finding, language) -> str:
    return f"{say(f'fault.figure.{one.name}', language)} ({say(f'bench.unit.{one.unit}', language)})"


def told(one: Finding) -> str:
    return (
        "--"
        if one.value is None
        else f"{one.value:,.6g}"
        if abs(one.value) < 10
        else f"{one.value:,.1f}".removesuffix(".0")
    )


def goal(one: Finding) -> str:
    """As people write it."""
    if one.most is not None:
        return "0" if one.most == 0 else f"≤ {one.most:g}"
    return f"≥ {one.least:g}" if one.least is not None else "--"


def held(one: Finding, language, *, loaded: bool) -> str:
    return say(f"fault.verdict.{one.verdict(loaded=loaded)}", language)


def _say(key: str, **facts: object) -> str:
    return say(f"fault.{key}", LANGUAGE, **facts)
