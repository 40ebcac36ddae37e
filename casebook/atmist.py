"""Build the pre-alert that a receiving hospital reads: headline concern and ask first, then ATMIST. Pure.

Order after RCEM's ATMISTER: Age and sex, Time, Mechanism, Injuries, Signs, Treatment, ETA, Requirements; the headline
stands before it because late headlines cause interruptions and loss (pre-alert study, EMJ 2024 emermed-2023-213849).
What nobody stated is listed under `unknown`, so that a screen says "unknown" instead of leaving a gap. How it looks,
and the age of each figure, are the screens'.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from casebook.casualty import Findings
from casebook.picture import CasualtyState, Picture, Sample

ITEMS: tuple[str, ...] = (
    "concern", "ask", "age", "sex", "time", "mechanism", "injuries", "signs", "treatment", "eta", "requirements",
)  # fmt: skip
GCS_PARTS = ("gcs_eye", "gcs_verbal", "gcs_motor")


def atmist(picture: Picture, casualty_id: str, now: datetime) -> dict[str, Any]:
    """The pre-alert of one casualty as it stands at `now`. Raises NotFound for an unknown casualty.

    Keys: `casualty`, `label`, `incident` with its `kind` and `hazards`, `category` and `category_at`, `pathway`;
    then one key per item of ITEMS that is known, and `unknown`: the items that are not, in the same order.
    `time`: {happened_at, received_at}. `signs`: {text, at, vitals: {field: {value, at}}} where each field is the newest
    one measured up to `now` with its own instant, and `gcs` their sum when all three parts are numbers.
    `eta`: {at, hospital, mode, overdue}. `requirements`: {needs, wants, level, hold, bay, team}.
    """
    state = picture.get_casualty(casualty_id)
    incident = picture.get_incident(state.incident)
    found = state.findings or Findings()
    items: dict[str, Any] = {
        "concern": found.concern,
        "ask": found.ask,
        "age": state.age_years,
        "sex": state.sex,
        "time": {"happened_at": incident.happened_at, "received_at": incident.received_at},
        "mechanism": found.mechanism,
        "injuries": found.injuries,
        "signs": _signs(state, found, now),
        "treatment": found.treatments,
        "eta": _eta(state, now),
        "requirements": _requirements(picture, state, found, now),
    }
    known = {name: items[name] for name in ITEMS if items[name] not in (None, "", (), {})}
    return {
        "casualty": state.id,
        "label": state.label,
        "incident": incident.id,
        "kind": incident.kind,
        "hazards": incident.hazards,
        "category": state.category,
        "category_at": state.triage[-1][0] if state.triage else None,
        "pathway": found.pathway if state.findings else None,
        **known,
        "unknown": tuple(name for name in ITEMS if name not in known),
    }


def _signs(state: CasualtyState, found: Findings, now: datetime) -> dict[str, Any]:
    vitals = newest_vitals(state.trend, now)
    signs: dict[str, Any] = {}
    if found.signs:
        signs["text"] = found.signs
    if vitals:
        signs |= {"vitals": vitals, "at": max(one["at"] for one in vitals.values())}
    return signs


def newest_vitals(trend: Sequence[Sample], now: datetime) -> dict[str, dict[str, Any]]:
    """For each field the newest value measured up to `now`, with its instant: {field: {value, at}}.

    A cuff pressure stands at the instant the cuff measured it (`nibp_at`), not at that of the sample carrying it.
    """
    newest: dict[str, dict[str, Any]] = {}
    for sample in reversed(trend):  # a screen asks for this at every change: look at each value once, newest first
        if sample.vitals.keys() <= newest.keys() or sample.at > now:  # of a stream's samples nearly all
            continue
        for field, value in sample.vitals.items():
            if field not in newest and value is not None and field != "nibp_at":
                newest[field] = {"value": value, "at": _measured_at(sample, field)}
    parts = [newest[name] for name in GCS_PARTS if name in newest]
    if len(parts) == len(GCS_PARTS) and all(isinstance(part["value"], int) for part in parts):
        newest["gcs"] = {"value": sum(part["value"] for part in parts), "at": min(part["at"] for part in parts)}
    return newest


def _measured_at(sample: Sample, field: str) -> datetime:
    cuff = sample.vitals.get("nibp_at")
    if cuff is None or field not in ("sbp_mmhg", "dbp_mmhg", "map_mmhg"):
        return sample.at
    return cuff if isinstance(cuff, datetime) else datetime.fromisoformat(str(cuff))


def _eta(state: CasualtyState, now: datetime) -> dict[str, Any]:
    if state.option is None or state.prealert_eta_at is None:
        return {}
    at, on_the_way = state.prealert_eta_at, state.arrived_at is None
    if state.chosen_at is not None and state.prealert_at is not None and state.chosen_at > state.prealert_at:
        at = state.chosen_at + timedelta(seconds=state.option.eta_s)  # another way to the same door, chosen since
    return {
        "at": at,
        "hospital": state.option.hospital,
        "mode": state.option.mode,
        "overdue": on_the_way and now > at,
    }


def _requirements(picture: Picture, state: CasualtyState, found: Findings, now: datetime) -> dict[str, Any]:
    hold = picture.find_hold(state.id)
    needed: dict[str, Any] = {
        "needs": found.needs,
        "wants": found.wants,
        "level": state.prealert_level,
        "hold": {"resource": hold.resource, "slot": hold.slot} if hold and hold.until > now else None,
        "bay": state.bay,
        "team": state.team,
    }
    return {name: value for name, value in needed.items() if value not in (None, (), "")}
