"""The allowed steps, as tables: (stage, fact) -> next stage. Whatever is not here is illegal.

`docs/steps.md` is drawn from these tables by `python -m casebook.steps`, so the picture cannot lie.
"""

from __future__ import annotations

from enum import StrEnum

from casebook import events as e
from casebook.casualty import Stage
from casebook.errors import IllegalStep


class Duty(StrEnum):
    """What a unit is doing. For a helicopter `en_route` is in the air, `at_destination` is on the pad."""

    AVAILABLE = "available"
    STANDBY = "standby"
    ASSIGNED = "assigned"
    ACKNOWLEDGED = "acknowledged"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    AT_PATIENT = "at_patient"
    TRANSPORTING = "transporting"
    AT_LANDING_SITE = "at_landing_site"
    AT_DESTINATION = "at_destination"


class Prealert(StrEnum):
    NONE = "none"
    SENT = "sent"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"


class Task(StrEnum):
    OPEN = "open"
    ESCALATED = "escalated"
    APPROVED = "approved"
    REFUSED = "refused"
    DONE = "done"


class Affair(StrEnum):
    """An incident as a whole."""

    OPEN = "open"
    CLOSED = "closed"


Table = dict[tuple[StrEnum, type[e.Event]], StrEnum]
_MISSION = tuple(duty for duty in Duty if duty is not Duty.AVAILABLE)

UNIT_STEPS: Table = {
    (Duty.AVAILABLE, e.UnitOnStandby): Duty.STANDBY,
    (Duty.AVAILABLE, e.UnitAssigned): Duty.ASSIGNED,
    (Duty.STANDBY, e.UnitAssigned): Duty.ASSIGNED,
    (Duty.ASSIGNED, e.UnitAcknowledged): Duty.ACKNOWLEDGED,
    (Duty.ASSIGNED, e.UnitEnRoute): Duty.EN_ROUTE,
    (Duty.ACKNOWLEDGED, e.UnitEnRoute): Duty.EN_ROUTE,
    (Duty.EN_ROUTE, e.UnitOnScene): Duty.ON_SCENE,
    (Duty.EN_ROUTE, e.UnitAtLandingSite): Duty.AT_LANDING_SITE,
    (Duty.ON_SCENE, e.UnitAtPatient): Duty.AT_PATIENT,
    (Duty.AT_PATIENT, e.UnitAtPatient): Duty.AT_PATIENT,
    (Duty.ON_SCENE, e.UnitLeftScene): Duty.TRANSPORTING,
    (Duty.AT_PATIENT, e.UnitLeftScene): Duty.TRANSPORTING,
    (Duty.AT_LANDING_SITE, e.UnitLeftScene): Duty.TRANSPORTING,
    (Duty.TRANSPORTING, e.UnitAtLandingSite): Duty.AT_LANDING_SITE,
    (Duty.TRANSPORTING, e.UnitAtDestination): Duty.AT_DESTINATION,
    (Duty.AT_LANDING_SITE, e.UnitBackInService): Duty.AVAILABLE,
    (Duty.ON_SCENE, e.UnitBackInService): Duty.AVAILABLE,
    (Duty.AT_DESTINATION, e.UnitBackInService): Duty.AVAILABLE,
    **{(duty, e.UnitStoodDown): Duty.AVAILABLE for duty in _MISSION},
    **{(duty, e.LegGiven): duty for duty in _MISSION},
    **{(duty, e.LegBlocked): duty for duty in _MISSION},
}

CASUALTY_STEPS: Table = {
    (Stage.FOUND, e.CasualtyTriaged): Stage.TRIAGED,
    (Stage.TRIAGED, e.CasualtyTriaged): Stage.TRIAGED,
    (Stage.DESTINED, e.CasualtyTriaged): Stage.DESTINED,
    (Stage.ABOARD, e.CasualtyTriaged): Stage.ABOARD,
    (Stage.FOUND, e.DestinationChosen): Stage.DESTINED,
    (Stage.TRIAGED, e.DestinationChosen): Stage.DESTINED,
    (Stage.DESTINED, e.DestinationChosen): Stage.DESTINED,
    (Stage.ABOARD, e.DestinationChosen): Stage.ABOARD,
    (Stage.FOUND, e.CasualtyBoarded): Stage.ABOARD,
    (Stage.TRIAGED, e.CasualtyBoarded): Stage.ABOARD,
    (Stage.DESTINED, e.CasualtyBoarded): Stage.ABOARD,
    (Stage.ABOARD, e.CasualtyTransferred): Stage.ABOARD,
    (Stage.ABOARD, e.CasualtyArrived): Stage.ARRIVED,
    (Stage.ARRIVED, e.HandoverStarted): Stage.HANDING_OVER,
    (Stage.HANDING_OVER, e.HandoverStarted): Stage.HANDING_OVER,  # either side may say it, a vehicle perhaps late
    (Stage.HANDING_OVER, e.HandoverSigned): Stage.HANDING_OVER,
    (Stage.HANDING_OVER, e.HandoverCompleted): Stage.HANDED_OVER,
    (Stage.FOUND, e.CasualtyClosed): Stage.CLOSED,
    (Stage.TRIAGED, e.CasualtyClosed): Stage.CLOSED,
    (Stage.DESTINED, e.CasualtyClosed): Stage.CLOSED,
    (Stage.ABOARD, e.CasualtyClosed): Stage.CLOSED,
}

PREALERT_STEPS: Table = {
    (Prealert.NONE, e.PrealertSent): Prealert.SENT,
    (Prealert.SENT, e.PrealertRepeated): Prealert.SENT,
    (Prealert.SENT, e.PrealertEscalated): Prealert.ESCALATED,
    (Prealert.ESCALATED, e.PrealertRepeated): Prealert.ESCALATED,
    (Prealert.SENT, e.PrealertAcknowledged): Prealert.ACKNOWLEDGED,
    (Prealert.ESCALATED, e.PrealertAcknowledged): Prealert.ACKNOWLEDGED,
    (Prealert.ACKNOWLEDGED, e.PrealertAcknowledged): Prealert.ACKNOWLEDGED,  # accept after a query; news seen
    (Prealert.SENT, e.CaseRefused): Prealert.REFUSED,
    (Prealert.ESCALATED, e.CaseRefused): Prealert.REFUSED,
    (Prealert.ACKNOWLEDGED, e.CaseRefused): Prealert.REFUSED,
    (Prealert.REFUSED, e.CaseRefused): Prealert.REFUSED,  # for another reason
    (Prealert.REFUSED, e.PrealertAcknowledged): Prealert.ACKNOWLEDGED,  # the ward found a way after all
    (Prealert.REFUSED, e.PrealertSent): Prealert.SENT,  # dispatch sends there all the same, with a reason
    (Prealert.REFUSED, e.PrealertWithdrawn): Prealert.NONE,
    (Prealert.SENT, e.PrealertWithdrawn): Prealert.NONE,
    (Prealert.ESCALATED, e.PrealertWithdrawn): Prealert.NONE,
    (Prealert.ACKNOWLEDGED, e.PrealertWithdrawn): Prealert.NONE,
}

TASK_STEPS: Table = {
    (Task.OPEN, e.TaskApproved): Task.APPROVED,
    (Task.OPEN, e.TaskRefused): Task.REFUSED,
    (Task.OPEN, e.TaskDone): Task.DONE,
    (Task.OPEN, e.TaskEscalated): Task.ESCALATED,
    (Task.ESCALATED, e.TaskApproved): Task.APPROVED,
    (Task.ESCALATED, e.TaskRefused): Task.REFUSED,
    (Task.ESCALATED, e.TaskDone): Task.DONE,
    (Task.APPROVED, e.TaskDone): Task.DONE,
}

INCIDENT_STEPS: Table = {
    (Affair.OPEN, e.IncidentClosed): Affair.CLOSED,
}

TABLES: dict[str, Table] = {
    "incident": INCIDENT_STEPS,
    "unit": UNIT_STEPS,
    "casualty": CASUALTY_STEPS,
    "prealert": PREALERT_STEPS,
    "task": TASK_STEPS,
}


def next_stage(entity: str, id: str, stage: StrEnum, event: e.Event) -> StrEnum:
    """Look the step up. Raises IllegalStep when the table has none; nothing was changed."""
    step = TABLES[entity].get((stage, type(event)))
    if step is None:
        raise IllegalStep(what=event.name, entity=entity, id=id, stage=str(stage))
    return step


def as_mermaid(entity: str) -> str:
    """One state diagram in Mermaid's text form, sorted so that the drawing is the same every time."""
    rows = sorted({(str(a), str(b), event.name) for (a, event), b in TABLES[entity].items()})
    return "\n".join(["stateDiagram-v2", *(f"    {a} --> {b}: {name}" for a, b, name in rows)])


def as_page() -> str:
    """docs/steps.md, whole."""
    parts = ["# Allowed steps\n\nDrawn from the tables in `casebook/steps.py` by `python -m casebook.steps`.\n"]
    parts += [f"## {entity}\n\n```mermaid\n{as_mermaid(entity)}\n```\n" for entity in TABLES]
    return "\n".join(parts)


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_page())
