"""A bay goes to one casualty only; the slot that the store keeps moves with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ward_story import SONGJIANG, after, arrived, at, enrolled, expected, on_scene, prealerted, stated

from casebook import events as e
from casebook.errors import AlreadyHeld, CoordinationError, IllegalStep, NotFound, RefusedInput
from casebook.picture import Picture
from hospital_board.bays import AssignBay, ClearBay, assign_bay, bays_view, clear_bay, find_bay_hold, list_bays

A, B = "I1-A", "I1-B"


def into(picture: Picture, bay: str, casualty: str = A, seconds: float = 420) -> Picture:
    command = AssignBay(hospital=SONGJIANG, casualty=casualty, bay=bay)
    return after(picture, seconds, *assign_bay(picture, command, at(seconds)))


def two_expected() -> Picture:
    """A holds slot 1, B slot 2, of three."""
    return prealerted(on_scene(expected(), B), B, slot=2)


def slots(picture: Picture) -> dict[str, int]:
    return {hold.casualty: hold.slot for hold in picture.holds.values()}


def handed_over(picture: Picture) -> Picture:
    picture = after(arrived(picture), 1310, e.HandoverStarted(A, SONGJIANG))
    return after(
        picture, 1320, e.HandoverSigned(A, "crew", "c"), e.HandoverSigned(A, "hospital", "h"),
        e.HandoverCompleted(A, SONGJIANG), e.HoldReleased(A, SONGJIANG, "resus_bay", slots(picture)[A], "handover"),
    )  # fmt: skip


def test_bays_are_as_many_as_the_ward_stated():
    assert list_bays(stated(enrolled(), 0, 3).hospitals[SONGJIANG]) == ("R1", "R2", "R3")
    assert list_bays(enrolled().hospitals[SONGJIANG]) == ()


def test_an_assigned_bay_is_this_casualtys_and_its_slot_with_it():
    picture = into(expected(), "R3")
    assert picture.casualties[A].bay == "R3"
    assert slots(picture) == {A: 3}
    assert bays_view(picture, SONGJIANG, at(420))["R3"] == {"state": "assigned", "casualty": A}


def test_the_bay_that_is_held_already_needs_no_new_hold():
    picture = expected()
    facts = assign_bay(picture, AssignBay(hospital=SONGJIANG, casualty=A, bay="R1"), at(420))
    assert [fact.name for fact in facts] == ["bay_assigned"]


def test_asking_for_the_same_bay_again_changes_nothing():
    picture = into(expected(), "R1")
    assert assign_bay(picture, AssignBay(hospital=SONGJIANG, casualty=A, bay="R1"), at(430)) == []


def test_a_casualty_without_a_hold_gets_one_that_outlasts_its_arrival():
    picture = after(expected(), 410, e.HoldReleased(A, SONGJIANG, "resus_bay", 1, "test"))
    hold = find_bay_hold(into(picture, "R2"), A, SONGJIANG)
    assert hold is not None and hold.slot == 2 and hold.until > at(1300)


def test_a_casualty_for_whom_a_bed_was_held_gives_it_back_for_the_bay():
    picture = after(expected(), 410, e.HoldReleased(A, SONGJIANG, "resus_bay", 1, "test"))
    picture = into(after(picture, 410, e.HoldPlaced(A, SONGJIANG, "ed_bed", 1, at(3600))), "R2")
    assert [(hold.resource, hold.slot) for hold in picture.holds.values()] == [("resus_bay", 2)]


def test_a_bay_only_kept_for_another_is_exchanged():
    picture = into(two_expected(), "R2", A)
    assert slots(picture) == {A: 2, B: 1}


def test_a_bay_given_to_another_is_refused_by_the_others_name():
    picture = into(two_expected(), "R2", B)
    with pytest.raises(AlreadyHeld) as caught:
        into(picture, "R2", A)
    assert caught.value.key == "bay_taken" and caught.value.facts["holder"] == "B"


def test_with_every_slot_kept_a_newcomer_cannot_push_anyone_out():
    picture = prealerted(on_scene(stated(enrolled(), 1, 1)), A, slot=1)
    picture = after(on_scene(picture, B), 410, e.DestinationChosen(B, e.Option(SONGJIANG, "road", 900, {})))
    with pytest.raises(AlreadyHeld):
        into(picture, "R1", B)


@pytest.mark.parametrize("bay", ["R0", "R4", "R01", "4", "", "R-1", "R１"])
def test_a_bay_this_hospital_does_not_have_is_refused(bay):
    with pytest.raises(RefusedInput) as caught:
        into(expected(), bay)
    assert caught.value.key == "no_such_bay"


def test_without_a_stated_total_no_bay_is_guessed():
    with pytest.raises(RefusedInput) as caught:
        into(prealerted(on_scene(enrolled())), "R1")
    assert caught.value.key == "bays_never_stated"


def test_another_hospitals_casualty_gets_no_bay_here():
    with pytest.raises(NotFound):
        into(prealerted(on_scene(stated(enrolled())), hospital="jinshan"), "R1")


def test_after_the_handover_the_bay_is_in_use_until_it_is_cleared():
    picture = handed_over(into(two_expected(), "R1"))
    assert bays_view(picture, SONGJIANG, at(1320))["R1"] == {"state": "in_use", "casualty": A}
    with pytest.raises(AlreadyHeld):
        into(picture, "R1", B, 1330)
    picture = stated(picture, 1, 3, 1400)
    picture = after(picture, 1500, *clear_bay(picture, ClearBay(hospital=SONGJIANG, casualty=A), at(1500)))
    assert bays_view(picture, SONGJIANG, at(1500))["R1"] == {"state": "free"}
    assert picture.hospitals[SONGJIANG].figures["resus_bay"].free == 2


def test_a_bay_is_not_cleared_under_a_patient_and_not_moved_after_the_handover():
    with pytest.raises(IllegalStep):
        clear_bay(into(expected(), "R1"), ClearBay(hospital=SONGJIANG, casualty=A), at(430))
    with pytest.raises(IllegalStep):
        into(handed_over(into(expected(), "R1")), "R2", A, 1330)


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.sampled_from(["R1", "R2", "R3", "R4"])), max_size=8))
def test_whatever_is_asked_no_bay_and_no_slot_has_two_casualties(wishes):
    picture = two_expected()
    for seconds, (casualty, bay) in enumerate(wishes, start=420):
        try:
            picture = into(picture, bay, casualty, seconds)
        except CoordinationError:
            continue
        bays = [state.bay for state in picture.casualties.values() if state.bay]
        assert len(set(bays)) == len(bays)
        assert len(slots(picture)) == 2
        for state in picture.casualties.values():
            assert state.bay in (None, f"R{slots(picture)[state.id]}")
