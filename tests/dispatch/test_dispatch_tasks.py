"""Tasks have clocks: they are settled by a person or by a fact, and go up when their time runs out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from valley import SCENE, START, enrolled, told

from casebook import events as e
from casebook.desks import Due
from casebook.errors import RefusedInput
from dispatch.rule_files import default_tasks
from dispatch.tasks import open_task, settled_by, tasks_due

TASKS = default_tasks()
ID = "20210418-001"
OPENED = e.IncidentOpened(ID, SCENE, "traffic", 1, "120", "")
LATE = START + timedelta(hours=1)


def test_a_task_is_numbered_and_due_by_its_rule():
    task = open_task(told([OPENED]), ID, "cross_district", START, TASKS, to="嘉善")
    assert task.task == "20210418-001-T1"
    assert task.due_at == START + timedelta(seconds=TASKS.kinds["cross_district"].within_s)
    after = told([OPENED, task])
    assert open_task(after, ID, "air_standby", START, TASKS).task == "20210418-001-T2"
    assert open_task(after, ID, "air_standby", START, TASKS, ahead=1).task == "20210418-001-T3"


def test_a_task_of_no_known_kind_or_for_nobody_is_refused():
    with pytest.raises(RefusedInput):
        open_task(told([OPENED]), ID, "tea", START, TASKS)
    with pytest.raises(RefusedInput):
        open_task(told([OPENED]), ID, "cross_district", START, TASKS)


def test_a_task_whose_clock_ran_out_goes_up_once():
    task = open_task(told([OPENED]), ID, "cross_district", START, TASKS, to="嘉善")
    picture = told([OPENED, task])
    assert list(tasks_due(picture, task.due_at, TASKS)) == []
    assert list(tasks_due(picture, LATE, TASKS)) == [Due(task.due_at, (e.TaskEscalated(task.task, "centre_leader"),))]
    assert list(tasks_due(told([OPENED, task, e.TaskEscalated(task.task, "centre_leader")]), LATE, TASKS)) == []


@pytest.mark.parametrize("settle", [e.TaskApproved("20210418-001-T1", "chief"), e.TaskDone("20210418-001-T1")])
def test_a_settled_task_never_goes_up(settle: e.Event):
    task = open_task(told([OPENED]), ID, "cross_district", START, TASKS, to="嘉善")
    assert list(tasks_due(told([OPENED, task, settle]), LATE, TASKS)) == []


def test_the_helicopter_on_standby_settles_the_order_and_an_ambulance_under_way_settles_no_flight():
    standby = open_task(told([OPENED]), ID, "air_standby", START, TASKS)
    tasking = open_task(told([OPENED]), ID, "air_tasking", START, TASKS, ahead=1)
    facts = [*enrolled(), OPENED, standby, tasking, e.UnitAssigned("A1", ID), e.UnitEnRoute("A1")]
    assert list(tasks_due(told(facts), START, TASKS)) == []
    facts.append(e.UnitOnStandby("H1", ID))
    assert [due.facts for due in tasks_due(told(facts), START, TASKS)] == [(e.TaskDone(standby.task),)]
    assert settled_by(told(facts), ID, "unit_en_route", TASKS) == [e.TaskDone(tasking.task)]
