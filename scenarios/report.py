"""What a drill proves: clocks, decision, ledger of vitals, delay of video, expectations. Pure.

Minutes saved are ground incident-to-door less actual incident-to-door, never anything else: the air segment alone
(handover to door) flatters the helicopter, because its clock starts at the decision and not at take-off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from casebook import events as e
from casebook.book import occasion_of
from casebook.log import Entry
from casebook.picture import Picture, fold
from scenarios.format import Expectation, Scenario
from scenarios.player import Played
from scenarios.report_intervals import interval_lines, moments_of, yardstick_lines

# Facts that somebody decided: two runs of one scenario with one seed must agree on these to the last byte.
DECIDED = frozenset(
    {
        "incident_opened", "unit_assigned", "leg_given", "task_opened", "destination_proposed", "destination_chosen",
        "no_destination", "hold_placed", "hold_released", "casualty_triaged", "prealert_sent", "bay_assigned",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watched:
    """What reached viewers and what left vehicles, measured while the drill ran."""

    sampled: int = 0
    shown: int = 0
    late: int = 0
    delays_s: Sequence[float] = ()
    frames_sent: int = 0
    frames_shown: int = 0
    latency_ms: Sequence[float] = ()
    waves: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds; None when the moment never came."""

    incident_to_first_data: float | None
    incident_to_rendezvous: float | None
    incident_to_door: float | None
    decision_to_door: float | None
    handover_to_door: float | None
    ground_incident_to_door: float | None
    saved: float | None


def folded(entries: Iterable[Entry]) -> Picture:
    picture = Picture()
    for entry in entries:
        picture = fold(picture, e.decode(entry.kind, entry.body), occasion_of(entry))
    return picture


def first(entries: Iterable[Entry], kind: str, **fields: Any) -> Entry | None:
    """The first entry of this kind whose body has these values."""
    return next((x for x in entries if x.kind == kind and all(x.body.get(f) == v for f, v in fields.items())), None)


def find_severe(entries: Sequence[Entry], label: str) -> str | None:
    """The id of the casualty with this label."""
    found = first(entries, "casualty_found", label=label)
    return found.body["casualty"] if found else None


def door_s(entries: Sequence[Entry], label: str) -> float | None:
    """Seconds from the incident to the severe casualty's door."""
    return clocks_of(entries, label, None).incident_to_door


def clocks_of(entries: Sequence[Entry], label: str, ground_s: float | None, rate: float = 1.0) -> Clocks:
    """The drill's clocks for the casualty with this label; `ground_s` comes from the run without aircraft.

    First data is when the first sample was committed at the hub: its instant and the way there. A wire does not become
    slower by a drill's `rate`, so the way there counts in seconds of the wall.
    """
    casualty = find_severe(entries, label)
    happened = _happened(_opened(entries, casualty))
    data = first(entries, "vitals_recorded", casualty=casualty)
    door = first(entries, "casualty_arrived", casualty=casualty)
    chosen = first(entries, "destination_chosen", casualty=casualty)
    handed = first(entries, "casualty_transferred", casualty=casualty)
    door_at = door.at if door else None
    to_door = _span(happened, door_at)
    return Clocks(
        incident_to_first_data=_span(happened, data.at + (data.recorded_at - data.at) / rate if data else None),
        incident_to_rendezvous=_span(happened, handed.at if handed else None),
        incident_to_door=to_door,
        decision_to_door=_span(chosen.at if chosen else None, door_at),
        handover_to_door=_span(handed.at if handed else None, door_at),
        ground_incident_to_door=ground_s,
        saved=round(ground_s - to_door, 1) if ground_s is not None and to_door is not None else None,
    )


def _opened(entries: Sequence[Entry], casualty: str | None) -> Entry | None:
    """The call of this casualty's incident; of the first one while nobody was found."""
    found = first(entries, "casualty_found", casualty=casualty) if casualty else None
    return first(entries, "incident_opened", **({"incident": found.body["incident"]} if found else {}))


def _happened(opened: Entry | None) -> datetime | None:
    if opened is None:
        return None
    stated = opened.body.get("happened_at")
    return datetime.fromisoformat(stated) if stated else opened.at


def _span(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 1) if start and end else None


def decision_of(entries: Sequence[Entry], picture: Picture, casualty: str | None) -> dict[str, Any]:
    """Where the severe casualty went and why every other way lost: that is in the log, the picture lets it go."""
    state = picture.casualties.get(casualty or "")
    if state is None or state.option is None:
        stranded = _rejected(state.stranded) if state else []
        return {"hospital": None, "mode": None, "rendezvous": None, "rejected": stranded}
    option, proposal, rejected = state.option, _proposed(entries, state.id), _rejected_at(entries, state.id)
    return {
        "hospital": option.hospital, "mode": option.mode, "rendezvous": option.rendezvous, "eta_s": option.eta_s,
        "aircraft": option.aircraft, "terms_s": dict(option.terms_s), "decides": option.decides,
        "reasons": [msgspec.to_builtins(reason) for reason in option.reasons],
        "override_reason": state.override_reason, "rejected": _rejected(rejected),
        "rules": proposal.rules if proposal else None, "roads": proposal.roads if proposal else None,
    }  # fmt: skip


def _proposed(entries: Sequence[Entry], casualty: str) -> e.Decision | None:
    """The desk's last answer, if it had one."""
    last = _last(entries, {e.DestinationProposed.name, e.NoDestination.name}, casualty)
    return last.decision if isinstance(last, e.DestinationProposed) else None


def _rejected_at(entries: Sequence[Entry], casualty: str) -> Sequence[e.Rejection]:
    """The ways that lost when somebody said yes last."""
    last = _last(entries, {e.DestinationChosen.name}, casualty)
    return last.rejected if isinstance(last, e.DestinationChosen) else ()


def _last(entries: Sequence[Entry], kinds: Set[str], casualty: str) -> e.Event | None:
    told = (one for one in reversed(entries) if one.kind in kinds and one.body.get("casualty") == casualty)
    return next((e.decode(one.kind, one.body) for one in told), None)


def _rejected(ways: Iterable[e.Rejection]) -> list[dict[str, Any]]:
    return [
        {"hospital": one.hospital, "mode": one.mode, "rendezvous": one.rendezvous, "eta_s": one.eta_s,
         "terms_s": dict(one.terms_s), "reasons": [msgspec.to_builtins(reason) for reason in one.reasons]}
        for one in ways
    ]  # fmt: skip


def vitals_of(entries: Sequence[Entry], watched: Watched) -> dict[str, Any]:
    """The ledger: what was sampled and is not in the book is lost, and nothing may be."""
    stored = sum(entry.kind == "vitals_recorded" for entry in entries)
    return {
        "sampled": watched.sampled, "stored": stored, "shown": watched.shown, "late": watched.late,
        "lost": watched.sampled - stored, "delay_ms": _percentiles([1000 * s for s in watched.delays_s]),
    }  # fmt: skip


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    if not len(values):
        return {"p50": None, "p99": None}
    p50, p99 = np.percentile(np.asarray(values, dtype=float), [50, 99])
    return {"p50": round(float(p50), 1), "p99": round(float(p99), 1)}


def decided_hash(entries: Iterable[Entry]) -> str:
    """SHA-256 over what was decided, in order of when it happened: equal for two runs with one seed.

    Not in order of the log: two vehicles' facts of one second may come in either order.
    """
    decided = sorted(
        msgspec.json.encode([entry.at, entry.kind, entry.body], order="sorted")
        for entry in entries
        if entry.kind in DECIDED
    )
    return hashlib.sha256(b"\n".join(decided)).hexdigest()


def make_report(
    scenario: Scenario,
    entries: Sequence[Entry],
    played: Sequence[Played],
    watched: Watched,
    *,
    rate: float,
    ground_s: float | None,
    ground_open_s: float | None = None,
) -> dict[str, Any]:
    """report.json, whole. `ground_open_s`: the run without aircraft and without the road works, for comparison."""
    picture = folded(entries)
    clocks = clocks_of(entries, scenario.severe, ground_s, rate)
    refused = [one for one in played if one.error]
    report: dict[str, Any] = {
        "scenario": scenario.id,
        "title": dict(scenario.title),
        "severe": scenario.severe,
        "seed": scenario.seed,
        "rate": rate,
        "starts_at": scenario.starts_at.isoformat(),
        "clocks_s": {**msgspec.to_builtins(clocks), "ground_works_off_incident_to_door": ground_open_s},
        "moments_s": moments_of(entries, picture, find_severe(entries, scenario.severe)),
        "decision": decision_of(entries, picture, find_severe(entries, scenario.severe)),
        "vitals": vitals_of(entries, watched),
        "video": {
            "frames_sent": watched.frames_sent,
            "frames_shown": watched.frames_shown,
            "latency_ms": _percentiles(watched.latency_ms),
        },
        "waves": dict(watched.waves),
        "casualties": [_casualty_line(picture, id) for id in picture.casualties],
        "intervals": interval_lines(entries, picture),
        "yardstick": yardstick_lines(entries),
        "steps": {
            "played": len(played) - len(refused),
            "refused": [
                {"step": one.step.number, "ask": one.step.ask, "error": one.error, "why": one.why} for one in refused
            ],
        },
        "assumptions": [dict(one) for one in scenario.assumptions],
        "log": {
            "events": len(entries),
            "head": entries[-1].hash if entries else "",
            "decided": decided_hash(entries),
        },
    }
    report["expectations"] = [judged(one, report) for one in scenario.expectations]
    report["passed"] = not refused and all(one["passed"] for one in report["expectations"])
    return report


def _casualty_line(picture: Picture, id: str) -> dict[str, Any]:
    state = picture.casualties[id]
    return {
        "casualty": id, "label": state.label, "category": state.category, "stage": state.stage, "unit": state.unit,
        "hospital": state.hospital, "mode": state.option.mode if state.option else None, "bay": state.bay,
        "times": {name: at.isoformat() for name, at in state.times.items()},
    }  # fmt: skip


def value_at(report: Mapping[str, Any], path: str) -> Any:
    """The report's value at a dotted path; None when it is not there."""
    value: Any = report
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, list) and name == "count":
            value = len(value)
        else:
            return None
    return value


def judged(expectation: Expectation, report: Mapping[str, Any]) -> dict[str, Any]:
    """One expectation against the report. A value that is not there passes nothing."""
    actual = value_at(report, expectation.value)
    expected: dict[str, Any] = {}
    passed = actual is not None
    if expectation.equals is not None:
        expected["equals"] = expectation.equals
        passed = passed and actual == expectation.equals
    if expectation.at_least is not None:
        expected["at_least"] = expectation.at_least
        passed = passed and _is_number(actual) and actual >= expectation.at_least
    if expectation.at_most is not None:
        expected["at_most"] = expectation.at_most
        passed = passed and _is_number(actual) and actual <= expectation.at_most
    return {
        "name": expectation.name["en"], "name_zh": expectation.name["zh"],
        "value": expectation.value, "expected": expected, "actual": actual,
        "passed": bool(passed), "source": expectation.source,
    }  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
