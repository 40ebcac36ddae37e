"""Show one hospital what is coming to it: what its wall board says, whole. Pure.

The pre-alert itself is casebook/atmist.py, the ward's own answers are the views of the other modules here; how it
looks, how old each figure is and what is blanked when a feed is lost are the screen's (`wall/`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from casebook.atmist import atmist
from casebook.casualty import Category, Stage
from casebook.files import files_view
from casebook.guidance import marks_view, snapshots_view
from casebook.picture import CasualtyState, HospitalState, Picture, UnitState
from casebook.picture_quality import quality_view
from casebook.recordings import recording_view, recordings_view
from casebook.scores import get_table, score, stale_inputs
from casebook.vitals import FIELDS, Vitals, alarms, check, without_doubtful
from hospital_board.bays import bays_view
from hospital_board.capacity_desk import capacity_view
from hospital_board.cases import list_own_cases
from hospital_board.consult import messages_view
from hospital_board.handover import handover_view, read_back_matrix
from hospital_board.readiness import prealert_view, team_view

LARGE_CARDS = 4  # that many fit legibly at 4 m on 1920x1080; the rest is the queue
STAYS_AFTER_HANDOVER = timedelta(minutes=10)
ALARM_SAMPLES = 3  # an alarm stands when that many samples in a row break the limit: one is an artefact
ADULT_FROM_YEARS = 16  # the default alarm limits are an adult's; reference: as for MEWS
SCORES = ("mews", "shock_index")
KEPT_SCORES = 4096  # about 8 MB: a city's cases, each with the values of some seconds
TO_HOSPITAL = "hospital"  # the purpose of a leg (LegGiven) that ends at the receiving hospital
PAD_TO_DOOR = ("unloading", "pad_to_ed")  # terms of an option after the flight

Ledger = Callable[[str], dict[str, Any] | None]  # casualty -> Tally.as_view()

# Who gets the large cards first. Not triaged counts as more urgent than yellow: unknown is never minor.
_URGENCY = (Category.RED, None, Category.YELLOW, Category.GREEN, Category.GREY, Category.BLACK)
_LONG_AGO, _FAR_AWAY = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def wall_view(
    picture: Picture, hospital_id: str, now: datetime, ledger: Ledger = lambda casualty: None
) -> dict[str, Any]:
    """All that the wall of this hospital shows; no other hospital's patient is in it. Raises NotFound (hospital).

    `order`: casualties, most urgent and soonest first; the first `large` of them get large cards. `cases`: one per
    casualty, see `case_view`. `capacity`, `bays`: see capacity_desk and bays. `drill`: exercise, not emergency.
    `ledger`: what became of a casualty's samples, casebook/ledger_now.py; a picture does not know it.
    """
    hospital = picture.get_hospital(hospital_id)
    ordered = list_shown(picture, hospital, now)
    return order_view(picture, hospital, ordered) | {
        "cases": {
            state.id: case_view(picture, state, hospital, now) | {"ledger": ledger(state.id)} for state in ordered
        },
        "capacity": capacity_view(picture, hospital_id, now),
        "bays": bays_view(picture, hospital_id, now),
    }


def list_shown(picture: Picture, hospital: HospitalState, now: datetime) -> list[CasualtyState]:
    """Whom the wall of this hospital shows, most urgent and soonest first."""
    cases = [state for state in list_own_cases(picture, hospital.id) if is_shown(state, now)]
    return sorted(cases, key=lambda state: _rank(picture, state, hospital))


def order_view(picture: Picture, hospital: HospitalState, ordered: Sequence[CasualtyState]) -> dict[str, Any]:
    """Whose wall it is, and in which order the cases stand on it."""
    return {
        "hospital": {"id": hospital.id, "name_zh": hospital.name_zh, "name_en": hospital.name_en},
        "drill": picture.drill is not None,
        "large": min(LARGE_CARDS, len(ordered)),
        "order": [state.id for state in ordered],
    }


def case_view(picture: Picture, state: CasualtyState, hospital: HospitalState, now: datetime) -> dict[str, Any]:
    """One patient. `report`: the pre-alert (casebook/atmist.py), whose `signs.vitals` are the newest values by field.

    `monitored_at`: instant of the newest monitor sample. `doubts`: {field: {key, value, low, high}}, check the sensor.
    `alarms`, `scores`, `route`, `streams`, `quality` (of the live picture, casebook/picture_quality.py), `prealert`,
    `bay`, `team`, `messages`, `handover`, `seen` (read-back matrix), `times` (fact -> first time): see there.
    `marks`, `snapshots` of the live picture: casebook/guidance.py; `recording`, `recordings`: casebook/recordings.py;
    `files`: casebook/files.py; `tag`: number of the triage tag.
    """
    return lasting_of_case(picture, state, hospital) | streamed_of_case(picture, state, now)


def lasting_of_case(picture: Picture, state: CasualtyState, hospital: HospitalState) -> dict[str, Any]:
    """All of a case that neither a sample nor time alone changes (`streams` by whose samples are newest aboard)."""
    return {
        "stage": state.stage,
        "drill": picture.get_incident(state.incident).drill,
        "route": route_view(picture, state, hospital),
        "streams": streams_view(picture, state),
        "quality": quality_view(picture, state.unit),
        "prealert": prealert_view(state),
        "bay": state.bay,
        "team": team_view(state),
        "messages": messages_view(picture, state.id),
        "handover": handover_view(state),
        "times": dict(state.times),
        "marks": marks_view(state),
        "snapshots": snapshots_view(state),
        "recording": recording_view(picture, state.unit, state),
        "recordings": recordings_view(state),
        "files": files_view(state),
        "tag": state.tag,
    }


def streamed_of_case(picture: Picture, state: CasualtyState, now: datetime) -> dict[str, Any]:
    """What a sample changes, and time."""
    report = atmist(picture, state.id, now)
    values = report.get("signs", {}).get("vitals", {})
    newest = Vitals.from_dict({name: one["value"] for name, one in values.items() if name in FIELDS})
    return {
        "report": report,
        "monitored_at": state.latest.at if state.latest else None,
        "doubts": {
            one.field: {"key": one.key, "value": one.value, "low": one.low, "high": one.high} for one in check(newest)
        },
        "alarms": standing_alarms(state, newest),
        "scores": scores_view(state, newest, values, now),
        "seen": read_back_matrix(state, report["unknown"]),
    }


def standing_alarms(state: CasualtyState, newest: Vitals) -> dict[str, dict[str, Any]]:
    """{field: {priority, key, value, limit}} of default limits that the newest values break, and did before.

    None for children: the limits are an adult's. This repeats what the monitor sounds, and is never the only alarm.
    """
    if state.age_years is not None and state.age_years < ADULT_FROM_YEARS:
        return {}
    return {
        alarm.field: {"priority": alarm.priority, "key": alarm.key, "value": alarm.value, "limit": alarm.limit}
        for alarm in alarms(newest)
        if _lasts(state, alarm.field)
    }


def _lasts(state: CasualtyState, field: str) -> bool:
    """The samples before it broke a limit of this field too; what was measured only once stands at once."""
    if field not in FIELDS:
        return True
    recent = [sample.vitals[field] for sample in state.trend[-ALARM_SAMPLES:] if field in sample.vitals]
    return all(alarms(Vitals(**{field: value})) for value in recent)


def scores_view(
    state: CasualtyState, newest: Vitals, values: dict[str, dict[str, Any]], now: datetime
) -> dict[str, Any]:
    """{score: {status, total, outputs, category, table, missing, stale}}: complete, or which inputs are missing.

    Doubtful values count as unmeasured until somebody confirms them; `stale` names inputs that are too old.
    """
    given = without_doubtful(newest).as_dict() | {"age_years": state.age_years}
    return {name: _score_view(name, given, values, now) for name in SCORES}


def _score_view(name: str, given: dict[str, Any], values: dict[str, dict[str, Any]], now: datetime) -> dict[str, Any]:
    table = get_table(name, now)
    sources = {input: spec.vital or input for input, spec in table.inputs.items()}
    inputs = tuple((input, type(value := given.get(source)), value) for input, source in sources.items())
    told, read = _scored(name, now.date(), inputs)
    measured_at = {input: values[source]["at"] for input, source in sources.items() if source in values}
    return told | {"stale": list(stale_inputs(table, read, now, measured_at))}


@lru_cache(maxsize=KEPT_SCORES)
def _scored(name: str, day: date, inputs: tuple[tuple[str, type, Any], ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(all of a score but what is stale, the inputs that were read). From one second to the next they are mostly the
    same, and to score costs more than the rest of a case. By type as well: 1 is no truth value."""
    result = score(name, {input: value for input, _, value in inputs}, at=datetime.combine(day, time(), UTC))
    told = {
        "status": result.status,
        "total": result.total,
        "outputs": result.as_dict()["outputs"],
        "category": result.category,
        "table": result.table,
        "missing": list(result.missing),
    }
    return told, result.inputs


def route_view(picture: Picture, state: CasualtyState, hospital: HospitalState) -> dict[str, Any]:
    """{eta_at, mode, site, unit, partner}: how the patient comes.

    `partner`: the aircraft of a rendezvous before it has the patient; `site`: where they meet {id, name_zh, name_en}.
    """
    carrier = picture.units.get(state.unit) if state.unit else None
    option = state.option
    aircraft = picture.units.get(option.aircraft) if option and option.aircraft else None
    partner = aircraft if aircraft is not carrier else None
    return {
        "eta_at": eta_at(picture, state, hospital),
        "mode": option.mode if option else None,
        "site": _site_view(option.rendezvous, partner) if option and option.rendezvous else None,
        "unit": _unit_view(carrier),
        "partner": _unit_view(partner),
    }


def _site_view(site: str, partner: UnitState | None) -> dict[str, Any]:
    """The meeting place under the name that the aircraft's leg to it gives, else under its id."""
    place = partner.leg.to if partner is not None and partner.leg is not None else None
    return {"id": site, "name_zh": (place and place.name_zh) or site, "name_en": (place and place.name_en) or site}


def _unit_view(unit: UnitState | None) -> dict[str, Any] | None:
    if unit is None:
        return None
    return {"id": unit.id, "kind": unit.kind, "name_zh": unit.name_zh, "name_en": unit.name_en, "duty": unit.duty}


def eta_at(picture: Picture, state: CasualtyState, hospital: HospitalState) -> datetime | None:
    """When the patient is at the door: by the carrier's own leg once it leads here, else as the pre-alert said.

    A flight ends on the pad; what the decision reckoned from there to the door is added.
    """
    if state.arrived_at is not None:
        return state.arrived_at
    carrier = picture.units.get(state.unit) if state.unit else None
    if carrier is None or carrier.leg is None or carrier.leg_at is None or state.id not in carrier.aboard:
        return state.prealert_eta_at
    if carrier.halted is not None:
        return None  # no way is left to it: nobody knows when
    if carrier.purpose != TO_HOSPITAL or state.hospital != hospital.id:
        return state.prealert_eta_at
    left_at = carrier.times.get("unit_left_scene")
    departed_at = left_at if left_at is not None and left_at >= carrier.leg_at else carrier.leg_at
    reckoned_s = state.option.terms_s if state.option and carrier.leg.mode == "air" else {}
    return departed_at + timedelta(seconds=carrier.leg.eta_s + sum(reckoned_s.get(name, 0.0) for name in PAD_TO_DOOR))


def streams_view(picture: Picture, state: CasualtyState) -> dict[str, Any]:
    """{video, waves}: the carrier's live streams. Waves only for the one patient aboard who is on the monitor."""
    carrier = picture.units.get(state.unit) if state.unit else None
    if carrier is None or state.stage in (Stage.HANDED_OVER, Stage.CLOSED):
        return {}
    return {"video": carrier.id, "waves": f"{carrier.id}.waves" if is_monitored(picture, state, carrier) else None}


def is_monitored(picture: Picture, state: CasualtyState, carrier: UnitState | None) -> bool:
    """Whether nobody else aboard has a newer sample."""
    if carrier is None or not carrier.aboard or carrier.aboard == (state.id,):
        return True
    aboard = (picture.casualties[id] for id in carrier.aboard)
    return max(aboard, key=lambda one: one.latest.at if one.latest else _LONG_AGO).id == state.id


def is_shown(state: CasualtyState, now: datetime) -> bool:
    """Whether a wall shows this case of its hospital: until a while after the handover."""
    if state.stage is Stage.CLOSED:
        return False
    over_at = state.times.get("handover_completed")
    return over_at is None or now - over_at < STAYS_AFTER_HANDOVER


def _rank(picture: Picture, state: CasualtyState, hospital: HospitalState) -> tuple[bool, int, datetime, str]:
    eta = eta_at(picture, state, hospital)
    return (state.stage is Stage.HANDED_OVER, _URGENCY.index(state.category), eta or _FAR_AWAY, state.id)
