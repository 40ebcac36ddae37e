"""Stories in one process: who asks as whom, and what would have been without some of the steps."""

from __future__ import annotations

import msgspec
import pytest

from casebook.access import Role
from casebook.asking import read_command
from casebook.errors import RefusedInput
from scenarios.format import Scenario, find_scenario, load_scenario
from scenarios.story import badge_for, without_steps
from scenarios.vocabulary import all_asks


@pytest.fixture(scope="module")
def g60() -> Scenario:
    return load_scenario(find_scenario("g60_fengjing"), all_asks())


@pytest.mark.parametrize(
    ("who", "role", "unit", "hospital"),
    [
        ("crew:SJ-5G-01", Role.PARAMEDIC, "SJ-5G-01", None),
        ("hospital:sgh_south", Role.ED, None, "sgh_south"),
        ("dispatcher", Role.DISPATCHER, None, None),
        ("director", Role.DIRECTOR, None, None),
    ],
)
def test_everybody_asks_with_their_own_badge(who: str, role: Role, unit: str | None, hospital: str | None):
    kind, _, id = who.partition(":")
    badge = badge_for(kind, id)
    assert (badge.role, badge.unit or None, badge.hospital or None) == (role, unit, hospital)


def test_without_the_works_the_other_steps_stay_as_they_are(g60: Scenario):
    open_roads = without_steps(g60, "close_road", "slow_road")
    left = {step.number for step in open_roads.steps}
    gone = [step for step in g60.steps if step.number not in left]
    assert {step.ask for step in gone} == {"close_road", "slow_road"}
    assert [step for step in g60.steps if step.number in left] == list(open_roads.steps)


def test_every_command_of_the_drill_is_one_its_desk_takes(g60: Scenario):
    asks = all_asks()
    for step in g60.steps:
        kind = asks["crew" if step.who.startswith("crew:") else "hub"][step.ask]
        read_command(msgspec.json.encode(step.command), kind, step.ask)
    with pytest.raises(RefusedInput):
        read_command(b'{"incident": 3}', asks["hub"]["open_task"], "open_task")
