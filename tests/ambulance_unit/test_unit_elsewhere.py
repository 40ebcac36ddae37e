"""Going elsewhere, and where the family wishes: shown at once as not yet confirmed, then with the desk's answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from msgspec import structs
from unit_story import BY_ROAD, ELSEWHERE, OPTION, START, Story

from ambulance_unit.overlay import OwnFact, overlay
from casebook import events as e

DIVERTED = e.CrewDiverted("I1-A", "A01", "jsh", "airway lost")
THERE = e.Option("jsh", "road", 1200.0, {"road": 1200.0})


def aboard() -> Story:
    return Story().at_scene().decided().tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)


def own(fact: e.Event, minute: float = 10) -> OwnFact:
    return OwnFact(1, START + timedelta(minutes=minute), fact)


def case(view: dict[str, Any]) -> dict[str, Any]:
    return view["casualties"]["I1-A"]


def test_without_a_hub_the_diversion_shows_at_once_as_not_yet_confirmed():
    said = case(overlay(aboard().view(), [own(DIVERTED)]))["diversion"]
    assert (said["hospital"], said["reason"], said["state"]) == ("jsh", "airway lost", "sent")


def test_once_the_hub_has_it_the_desk_is_waited_for():
    view = aboard().tell(DIVERTED, minute=10).view()
    assert case(view)["diversion"]["state"] == "waiting"
    assert overlay(view, [own(DIVERTED)]) == view, "the hub's word stands"


def test_followed_it_is_the_destination_and_says_so():
    story = aboard().tell(DIVERTED, minute=10)
    story.tell(e.DestinationChosen("I1-A", THERE, (BY_ROAD,), "airway lost"), minute=10)
    view = story.view()
    assert case(view)["diversion"]["state"] == "followed" and case(view)["destination"]["hospital"] == "jsh"
    assert overlay(view, [own(DIVERTED)]) == view


def test_what_could_not_be_followed_says_why_and_the_old_destination_stays():
    view = aboard().tell(DIVERTED, e.DiversionFailed("I1-A", "jsh", "option_gone"), minute=10).view()
    said = case(view)["diversion"]
    assert (said["state"], said["why"]) == ("failed", "option_gone")
    assert case(view)["destination"]["hospital"] == "sgh"
    again = overlay(view, [own(replace(DIVERTED, reason="still"), minute=12)])
    assert case(again)["diversion"]["state"] == "sent", "a second one is a new question"


def test_a_wish_shows_at_once_and_without_the_answer_to_an_earlier_one():
    declined = structs.replace(ELSEWHERE, reasons=(e.Reason("wish_declined", {"cost_s": 700, "cost_min": 11.7}),))
    story = aboard().tell(e.WishStated("I1-A", "jsh", "family"), minute=9)
    assert "wish_answer" not in case(story.view())
    story.tell(e.DestinationChosen("I1-A", OPTION, (BY_ROAD, declined)), minute=9.5)
    view = story.view()
    assert case(view)["wish_answer"] == {"answer": "declined", "cost_s": 700}
    after = case(overlay(view, [own(e.WishStated("I1-A", "sj", "patient"))]))
    assert after["wish"] == "sj" and "wish_answer" not in after


def test_a_wish_that_is_honoured_tells_what_it_costs():
    wished = structs.replace(OPTION, reasons=(e.Reason("wish", {"hospital": "sgh", "cost_s": 120, "cost_min": 2.0}),))
    story = aboard().tell(e.WishStated("I1-A", "sgh", "family"), minute=9)
    story.tell(e.DestinationChosen("I1-A", wished, (BY_ROAD,)), minute=9.5)
    assert case(story.view())["wish_answer"] == {"answer": "honoured", "cost_s": 120}
