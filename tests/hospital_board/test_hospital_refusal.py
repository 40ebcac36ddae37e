"""A hospital may say no with a reason; the case keeps its way until it has another; who is sent anyway is counted."""

from __future__ import annotations

import pytest
from ward_story import JINSHAN, SONGJIANG, after, arrived, at, enrolled, expected, on_scene, option_to, stated

from casebook import events as e
from casebook.errors import IllegalStep, RefusedInput
from casebook.events import Reason
from casebook.picture import Picture
from casebook.steps import Prealert
from hospital_board.capacity_desk import capacity_view
from hospital_board.readiness import AcknowledgePrealert, acknowledge_prealert, prealert_view, unanswered

A = "I1-A"


def answer(picture: Picture, seconds: float, said: str = "refuse", note: str = "no theatre staff") -> Picture:
    command = AcknowledgePrealert(hospital=SONGJIANG, casualty=A, answer=said, note=note)  # type: ignore[arg-type]
    return after(picture, seconds, *acknowledge_prealert(picture, command, "doctor Wu"))


def forced(picture: Picture, hospital: str = SONGJIANG) -> dict:
    return capacity_view(picture, hospital, at(1000))["forced"]


def test_a_refusal_strands_nobody_and_asks_dispatch_to_decide_again():
    picture = answer(expected(), 420)
    state = picture.casualties[A]
    assert state.hospital == SONGJIANG and picture.find_hold(A) is not None, "destination and bay stay"
    assert state.requested_at == at(420), "dispatch is asked again"
    assert state.refusals[SONGJIANG].reason == "no theatre staff"
    view = prealert_view(state)
    assert (view["state"], view["answer"], view["note"], view["by"]) == (
        "refused", "refuse", "no theatre staff", "doctor Wu",
    )  # fmt: skip
    assert unanswered(picture, at(10_000)) == [], "the ward has answered"


def test_a_refusal_needs_its_reason_and_comes_before_the_door():
    with pytest.raises(RefusedInput) as caught:
        answer(expected(), 420, note=" ")
    assert caught.value.key == "refusal_needs_reason"
    with pytest.raises(IllegalStep):
        answer(arrived(expected()), 1310)


def test_the_same_no_twice_is_said_once_and_a_new_reason_is_news():
    once = answer(expected(), 420)
    assert answer(once, 430) == once
    assert answer(once, 430, note="power cut").casualties[A].refusals[SONGJIANG].reason == "power cut"


def test_a_no_may_follow_a_yes_and_a_yes_a_no():
    picture = answer(answer(expected(), 420, "accept", ""), 450)
    assert picture.casualties[A].prealert is Prealert.REFUSED
    again = answer(picture, 480, "accept", "")
    assert again.casualties[A].prealert is Prealert.ACKNOWLEDGED and again.casualties[A].refusals == {}
    assert prealert_view(again.casualties[A])["answer"] == "accept"


def test_another_hospital_is_chosen_and_the_refusal_is_remembered():
    moved = (e.PrealertWithdrawn(A, SONGJIANG, "redirected"), e.DestinationChosen(A, option_to(JINSHAN)))
    picture = after(answer(expected(), 420), 440, *moved)
    assert picture.casualties[A].hospital == JINSHAN and SONGJIANG in picture.casualties[A].refusals
    assert forced(picture)["count"] == forced(picture, JINSHAN)["count"] == 0


def test_being_sent_after_a_no_is_counted_with_its_reason():
    insisted = e.DestinationChosen(A, option_to(SONGJIANG), (), "only theatre within reach")
    picture = after(answer(expected(), 420), 440, insisted, e.PrealertSent(A, SONGJIANG, at(500)), by="dispatcher:1")
    seen = forced(picture)
    assert seen["count"] == 1
    (one,) = seen["recent"]
    assert (one["casualty"], one["codes"], one["reason"]) == (A, ["refused"], "only theatre within reach")
    assert (one["at"], one["by"]) == (at(440), "dispatcher:1")


@pytest.mark.parametrize(
    ("before", "reasons", "codes"),
    [
        ((e.ServiceClosed(SONGJIANG, "*", "power cut"),), (), ["closed"]),
        ((e.ServiceClosed(SONGJIANG, "*", "power cut", at(300)),), (), []),
        ((), (Reason("closed", {"resource": "ct"}), Reason("time")), ["closed"]),
        ((), (Reason("capacity"),), ["capacity"]),
        ((), (Reason("free"),), []),
    ],
)
def test_a_closed_or_full_hospital_is_counted_and_an_open_one_is_not(before, reasons, codes):
    picture = after(on_scene(stated(enrolled())), 390, *before)
    option = e.Option(SONGJIANG, "road", 900, {"drive": 900}, reasons=reasons)
    picture = after(picture, 400, e.DestinationChosen(A, option, (), "nearest"))
    assert [one["codes"] for one in forced(picture)["recent"]] == ([codes] if codes else [])


def test_the_same_casualty_by_another_way_is_the_same_allocation():
    picture = after(on_scene(stated(enrolled())), 390, e.ServiceClosed(SONGJIANG, "*", "power cut"))
    for seconds, mode in ((400, "road"), (420, "air")):
        option = e.Option(SONGJIANG, mode, 900, {"drive": 900})
        picture = after(picture, seconds, e.DestinationChosen(A, option, (), "nearest"))
    assert forced(picture)["count"] == 1
    away_and_back = after(picture, 430, e.DestinationChosen(A, option_to(JINSHAN)))
    picture = after(away_and_back, 440, e.DestinationChosen(A, option_to(SONGJIANG), (), "nearest"))
    assert forced(picture)["count"] == 2
