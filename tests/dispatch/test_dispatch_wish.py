"""A wish is answered, with its cost, whenever it is stated; honoured while safe, and only by a person's yes."""

from __future__ import annotations

from test_dispatch_case_watch import A, Case

from casebook import events as e
from casebook.casualty import Category
from casebook.wish import wish_answer
from routing.roads import Roadmap


async def on_the_way(valley: Roadmap) -> Case:
    """To the city by road."""
    case = await Case(valley).asked_for()
    await case.choose()
    await case.leave()
    case.pass_s(1)
    assert case.state.option is not None and case.state.option.hospital == "city"
    return case


async def test_a_wish_stated_before_the_question_is_answered_with_it(valley: Roadmap):
    case = Case(valley)
    await case.open()
    case.begin()
    await case.tell(e.WishStated(A, "quarry", "family"))
    assert wish_answer(case.state) is None, "nobody has decided yet"
    await case.tell(e.DestinationRequested(A, "A1"))
    answer = wish_answer(case.state)
    assert answer is not None and (answer.hospital, answer.answer) == ("quarry", "unsafe"), "no trauma centre"


async def test_a_wish_under_way_that_cannot_be_followed_gets_its_answer_and_changes_nothing(valley: Roadmap):
    case = await on_the_way(valley)
    assert await case.tell(e.WishStated(A, "mill", "patient")) == ["destination_proposed"]
    answer = wish_answer(case.state)
    assert answer is not None and answer.answer == "declined" and answer.cost_s is not None and answer.cost_s > 300
    assert case.state.option is not None and case.state.option.hospital == "city"
    assert case.first[0] == "city"


async def test_it_is_answered_once_and_what_follows_is_held_to_the_same_gain_as_before(valley: Roadmap):
    case = await on_the_way(valley)
    await case.tell(e.WishStated(A, "mill", "patient"))
    assert await case.tell(e.CapacityReported("city", "ct", 1, 1)) == []
    assert await case.tell(e.WishStated(A, "mill", "family")) == []


async def test_a_wish_that_is_safe_goes_first_and_a_person_says_yes(valley: Roadmap):
    case = await Case(valley).asked_for()
    case.pass_s(1)
    beds = [e.CapacityReported(id, "ed_bed", 9, 10) for id in ("city", "mill", "quarry")]
    await case.tell(*beds, e.CasualtyTriaged(A, "start", Category.GREEN, "A1"))
    await case.choose()
    assert case.state.option is not None and case.state.option.hospital == "quarry"
    case.pass_s(1)
    assert await case.tell(e.WishStated(A, "city", "patient")) == ["destination_proposed"]
    answer = wish_answer(case.state)
    assert answer is not None and answer.answer == "honoured" and answer.cost_s is not None and answer.cost_s > 60
    assert case.first[0] == "city" and case.state.option.hospital == "quarry", "proposed, not taken"
    await case.choose()
    assert case.state.option.hospital == "city"


async def test_another_wish_waits_for_its_own_answer(valley: Roadmap):
    case = await on_the_way(valley)
    await case.tell(e.WishStated(A, "mill", "patient"))
    await case.happen(e.WishStated(A, "quarry", "family"))
    assert wish_answer(case.state) is None
    assert await case.tell() == ["destination_proposed"]
    answer = wish_answer(case.state)
    assert answer is not None and answer.answer == "unsafe"
