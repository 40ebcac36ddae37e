"""docs/RELIABILITY.md out of what was played: every fault, how it was made, what it showed, what it must hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aboard.bench.faults.finding import Finding, NotRun, Outcome
from aboard.bench.faults.table import FAULTS, Fault
from casebook.words import Language, say

LANGUAGE: Language = "en"
SOAK_MARK = "<!-- soak -->"  # what stands from here on is the other command's


def page(outcomes: Sequence[Outcome], machine: Mapping[str, Any]) -> str:
    """`machine` as `machine.look` gives it, with the `day` and the `seed`."""
    by_fault = {one.fault: one for one in outcomes}
    parts = (line for fault in FAULTS for line in _part(fault, by_fault.get(fault.name)))
    return "\n".join([*_head(outcomes, machine), *parts]) + "\n"


def _head(outcomes: Sequence[Outcome], machine: Mapping[str, Any]) -> Iterator[str]:
    missed = sum(len(one.missed()) for one in outcomes)
    verdicts = [finding.verdict(loaded=one.loaded) for one in outcomes for finding in one.findings]
    played = sum(not one.not_run for one in outcomes)
    yield f"# {_say('page.title')}"
    yield ""
    yield _say("page.about")
    yield ""
    yield "```"
    yield "aboard bench faults --full --write docs/RELIABILITY.md"
    yield "```"
    yield ""
    yield _measured_on(machine)
    yield ""
    yield _say("page.result", played=played, of=len(FAULTS), missed=missed, unclaimed=verdicts.count("not_claimed"))
    yield ""
    yield _say("page.elsewhere")


def _measured_on(machine: Mapping[str, Any]) -> str:
    return _say(
        "page.machine", day=machine["day"], system=machine["system"], processor=machine["processor"] or "?",
        cores=machine["cores"] or "?", memory_gb=round((machine["memory_mb"] or 0) / 1000), python=machine["python"],
        sqlite=machine["sqlite"], seed=machine["seed"],
    )  # fmt: skip


def kept_soak(text: str) -> str:
    """The part of a page that tells of the soak, with its mark; empty where it has none."""
    _, mark, part = text.partition(SOAK_MARK)
    return f"\n{mark}{part}" if mark else ""


def put_soak(text: str, outcome: Outcome, machine: Mapping[str, Any]) -> str:
    """The page with this soak in place of the one before."""
    lines = [
        SOAK_MARK, "", f"## {_say('soak')}", "", _say("soak.how"), "", "```",
        "aboard bench soak --minutes 60 --write docs/RELIABILITY.md", "```", "", _measured_on(machine), "",
        *_figures(outcome),
    ]  # fmt: skip
    before = text.partition(SOAK_MARK)[0].rstrip()
    return "\n".join([*([before, ""] if before else []), *lines]) + "\n"


def _part(fault: Fault, outcome: Outcome | None) -> Iterator[str]:
    yield ""
    yield f"## {fault.number}. {say(f'fault.{fault.name}', LANGUAGE)}"
    yield ""
    yield say(f"fault.{fault.name}.how", LANGUAGE)
    yield ""
    if outcome is None:
        yield _say("page.not_run")
    elif outcome.not_run:
        yield NotRun(why=outcome.not_run).said(LANGUAGE)
    else:
        yield from _figures(outcome)


def _figures(outcome: Outcome) -> Iterator[str]:
    yield f"| {_say('head.figure')} | {_say('head.measured')} | {_say('head.goal')} | {_say('head.held')} |"
    yield "|---|---|---|---|"
    for one in outcome.findings:
        verdict = held(one, LANGUAGE, loaded=outcome.loaded)
        yield f"| {figure_name(one, LANGUAGE)} | {told(one)} | {goal(one)} | {verdict} |"
    yield ""
    form, (before, after) = _say("page.full" if outcome.full else "page.short"), outcome.load
    yield _say("page.load", form=form, took_s=f"{outcome.took_s:.0f}", before=before, after=after)


def figure_name(one: Finding, language: Language) -> str:
    return f"{say(f'fault.figure.{one.name}', language)} ({say(f'bench.unit.{one.unit}', language)})"


def told(one: Finding) -> str:
    """A share keeps its places: 99.96 of a hundred is not a hundred."""
    if one.value is None:
        return "--"
    if abs(one.value) < 10 or one.unit == "pct":
        return f"{one.value:,.6g}"
    return f"{one.value:,.1f}".removesuffix(".0")


def goal(one: Finding) -> str:
    """As people write it."""
    if one.most is not None:
        return "0" if one.most == 0 else f"≤ {one.most:g}"
    return f"≥ {one.least:g}" if one.least is not None else "--"


def held(one: Finding, language: Language, *, loaded: bool) -> str:
    return say(f"fault.verdict.{one.verdict(loaded=loaded)}", language)


def _say(key: str, **facts: object) -> str:
    return say(f"fault.{key}", LANGUAGE, **facts)
