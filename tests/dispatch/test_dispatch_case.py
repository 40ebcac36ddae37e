"""What the desk knows of one casualty, written to a file and read again, is decided alike at every stage of the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from valley import (
    G1_EAST,
    START,
    casualty,
    crash,
    enrolled,
    reported,
    told,
    valley_area,
    valley_roads,
)

from casebook import events as e
from casebook.picture import Picture
from dispatch.case_export import case_at
from dispatch.case_file import read_case, write_case
from dispatch.case_picture import decide_case
from dispatch.desk import decision_on
from dispatch.destination import canonical
from dispatch.journeys import road_leg
from dispatch.timing import ways_for
from routing.roads import Roadmap

A = "20210418-001-A"
AT = START + timedelta(minutes=4)
HOSPITALS = [fact for fact in enrolled() if isinstance(fact, e.HospitalEnrolled)]


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Roadmap:
    return valley_roads(tmp_path_factory.mktemp("valley"))


def known(*more: e.Event) -> list[e.Event]:
    return [*enrolled(), *reported(), *crash(), *casualty(), *more]


def under_way(roads: Roadmap) -> list[e.Event]:
    """The ambulance has left with the casualty and drives to the city."""
    before = told(known())
    leg = road_leg(roads, before.incidents["20210418-001"].place, before.hospitals["city"].place, before, START)
    return known(e.CasualtyBoarded(A, "A1"), e.LegGiven("A1", "hospital", leg), e.UnitLeftScene("A1"))


def stages(roads: Roadmap) -> dict[str, list[e.Event]]:
    closed = [e.ServiceClosed("mill", "ct", "scanner down"), G1_EAST]
    busy = [e.IncidentOpened("other", HOSPITALS[0].place, "fall", 2, "120", ""), e.UnitAssigned("H1", "other")]
    held = [e.HoldPlaced(A, "city", "resus_bay", 1, AT + timedelta(hours=1))]
    seen = [e.HoldSeen("hub-2/B", "city", "resus_bay", 2, AT + timedelta(hours=1))]
    return {
        "on scene": known(),
        "closed road, closed scanner": known(*closed),
        "standing by": known(e.UnitOnStandby("H1", "20210418-001")),
        "alarmed": known(e.UnitAssigned("H1", "20210418-001")),
        "busy elsewhere": known(*busy),
        "held here and elsewhere": known(*held, *seen),
        "refused": known(e.WishStated(A, "mill", "family")),
        "slow road": known(e.RoadSlowed("queue", "congestion", 20.0, ref="X1")),
        "under way": under_way(roads),
        "under way, closed behind": [*under_way(roads), G1_EAST],
    }


STAGES = (
    "on scene", "closed road, closed scanner", "standing by", "alarmed", "busy elsewhere", "held here and elsewhere",
    "refused", "slow road", "under way", "under way, closed behind",
)  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_a_moment_of_the_picture_is_decided_alike_from_its_file(stage: str, roads: Roadmap):
    area, picture = valley_area(), told(stages(roads)[stage])
    policy = area.rules.destination
    desk = decision_on(picture, A, ways_for(roads, area, picture, A, AT, policy), AT, policy, roads)
    case = read_case(write_case(case_at(picture, A, AT, "valley", area, HOSPITALS)))
    assert canonical(decide_case(case, area, HOSPITALS, roads)) == canonical(desk)


def test_the_stages_are_stages(roads: Roadmap):
    told_stages = stages(roads)
    assert tuple(told_stages) == STAGES
    moving: Picture = told(told_stages["under way"])
    assert case_at(moving, A, AT, "valley", valley_area(), HOSPITALS).casualty.aboard == "A1"


def test_a_hospital_that_the_region_has_differently_is_written_whole(roads: Roadmap):
    area, picture = valley_area(), told(known())
    case = case_at(picture, A, AT, "valley", area, HOSPITALS[:1])
    whole = {one.hospital: one.capabilities for one in case.hospitals}
    assert isinstance(whole["mill"], tuple) and not isinstance(whole["city"], tuple)
    desk = decide_case(case, area, HOSPITALS[:1], roads)
    assert desk == decide_case(case_at(picture, A, AT, "valley", area, HOSPITALS), area, HOSPITALS, roads)
