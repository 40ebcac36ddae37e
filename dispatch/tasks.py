"""The chain of tasks with their clocks: opened, approved, refused, done; escalated when the clock runs out. Pure.

Kinds, clocks and who is next above stand in dispatch/rules/tasks.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.desks import Due
from casebook.errors import RefusedInput
from casebook.picture import Picture, TaskState
from casebook.steps import Task
from dispatch.policy import TaskRule, TaskRules

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=2000)]


class OpenTask(Command, frozen=True):
    """Somebody must do something. `to` and the clock come from the rules where they are not given."""

    incident: str
    kind: Name
    to: Text = ""
    note: Text = ""
    within_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] | None = None


class ApproveTask(Command, frozen=True):
    """They said yes. `approver` empty: whoever asks."""

    task: str
    approver: Text = ""


class RefuseTask(Command, frozen=True):
    """They said no, and why."""

    task: str
    reason: Name
    approver: Text = ""


class FinishTask(Command, frozen=True):
    """It is done."""

    task: str


def open_task(
    picture: Picture, incident: str, kind: str, at: datetime, rules: TaskRules, *, to: str = "", note: str = "",
    within_s: float | None = None, ahead: int = 0,
) -> e.TaskOpened:  # fmt: skip
    """A task with its clock; its id counts the incident's tasks (`ahead`: opened before it in the same batch).

    Raises RefusedInput for a kind that the rules do not know, or a task for nobody.
    """
    rule = rules.kinds.get(kind)
    if rule is None:
        raise RefusedInput("unknown_task", kind=kind, known=", ".join(sorted(rules.kinds)))
    if not (to or rule.to):
        raise RefusedInput("bad_field", where="open_task", field="to", why=kind)
    number = sum(task.incident == incident for task in picture.tasks.values()) + ahead + 1
    due_at = at + timedelta(seconds=rule.within_s if within_s is None else within_s)
    # Escalation changes who must act; whom it was first about stays readable in the note.
    return e.TaskOpened(f"{incident}-T{number}", incident, kind, to or rule.to, due_at, note or to)


def tasks_due(picture: Picture, now: datetime, rules: TaskRules) -> Iterable[Due]:
    """Tasks that a fact has settled, and tasks whose clock ran out. Looks at the picture only."""
    for task in (picture.tasks[id] for id in sorted(picture.tasks)):
        rule = rules.kinds.get(task.kind)
        if rule is None or task.stage in (Task.DONE, Task.REFUSED):
            continue
        settled_at = _settled_at(picture, task, rule)
        if settled_at is not None:
            yield Due(settled_at, (e.TaskDone(task.id),))
        elif task.stage is Task.OPEN and now > task.due_at:
            yield Due(task.due_at, (e.TaskEscalated(task.id, rule.escalate_to),))


def settled_by(picture: Picture, incident: str, fact: str, rules: TaskRules) -> list[e.Event]:
    """The unsettled tasks of this incident that `fact` settles, for the batch that writes it."""
    open_ = (Task.OPEN, Task.ESCALATED, Task.APPROVED)
    tasks = (picture.tasks[id] for id in sorted(picture.tasks))
    mine = [task for task in tasks if task.incident == incident and task.stage in open_]
    return [e.TaskDone(task.id) for task in mine if (rule := rules.kinds.get(task.kind)) and rule.done_by == fact]


def _settled_at(picture: Picture, task: TaskState, rule: TaskRule) -> datetime | None:
    """When the fact that settles the task happened, not before the task was opened; None: not yet."""
    if not rule.done_by:
        return None
    units = (unit for unit in picture.units.values() if unit.incident == task.incident and unit.kind == rule.done_kind)
    times = [unit.times[rule.done_by] for unit in units if rule.done_by in unit.times]
    return max(min(times), task.opened_at) if times else None
