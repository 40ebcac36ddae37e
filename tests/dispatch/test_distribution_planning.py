"""A joint plan is proposed, never applied; a yes books like every yes; a change makes a new plan with few changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from valley import G1_EAST, SCENE, Stage, casualty, crash, enrolled, reported, valley_area

from casebook import events as e
from casebook.asking import Asker, Command
from casebook.casualty import Category
from casebook.desks import look_after
from casebook.errors import IllegalStep, NotFound, RefusedInput
from casebook.picture import Picture, PlanState
from casebook.words import LANGUAGES, say
from dispatch.app import DispatchRoom
from dispatch.board import NO_HOSPITAL, boards
from dispatch.choosing import ChooseDestination
from dispatch.distribution.planning import AcceptDistribution, ProposeDistribution, RefuseDistribution
from dispatch.redecide import redecide
from routing.roads import Roadmap
from scenarios.compare import choices_again

ID, OTHER = "20210418-001", "20210418-002"
RED, YELLOW, GREEN = Category.RED, Category.YELLOW, Category.GREEN


class Yard(Stage):
    """The desk with its asks by name; what follows from a fact is looked after."""

    def __init__(self, roads: Roadmap, *facts: e.Event) -> None:
        super().__init__(*facts)
        self.roads = roads

    async def begin(self) -> Yard:
        await self.open()
        self.room = DispatchRoom(self.book, self.clock, self.roads, valley_area(), threaded=False)
        self.asks = {ask.name: ask for ask in self.room.asks()}
        return self

    async def ask(self, command: Command, name: str) -> dict[str, Any]:
        return await self.asks[name].handle(command, self.dispatcher) or {}

    async def tell(self, *facts: e.Event) -> list[str]:
        """The kinds of what the desk wrote by itself after these facts."""
        self.pass_s(30)
        await self.happen(*facts)
        before = self.book.picture.seq
        await look_after(self.book, self.room)
        return [entry.kind for entry in self.book.log.read(before)]

    async def propose(self, incident: str = ID) -> PlanState:
        await self.ask(ProposeDistribution(incident=incident), "propose_distribution")
        return self.plan(incident)

    async def accept(self, incident: str = ID, *casualties: str, plan: str = "") -> dict[str, Any]:
        id = plan or self.plan(incident).proposed.id
        command = AcceptDistribution(incident=incident, plan=id, casualties=casualties)
        return await self.ask(command, "accept_distribution")

    async def refuse(self, *casualties: str, reason: str = "family waits elsewhere", plan: str = "") -> dict[str, Any]:
        id = plan or self.plan().proposed.id
        command = RefuseDistribution(incident=ID, plan=id, reason=reason, casualties=casualties)
        return await self.ask(command, "refuse_distribution")

    def plan(self, incident: str = ID) -> PlanState:
        return self.picture.plans[incident]

    @property
    def picture(self) -> Picture:
        return self.book.picture


def four() -> list[e.Event]:
    tags = (("A", RED), ("B", RED), ("C", YELLOW), ("D", GREEN))
    return [fact for label, category in tags for fact in casualty(label, category)]


@pytest.fixture
async def yard(valley: Roadmap) -> AsyncIterator[Yard]:
    yield await Yard(valley, *enrolled(), *reported(), *crash(), *four()).begin()


def where(state: PlanState) -> dict[str, str]:
    return {row.casualty: row.hospital for row in state.proposed.rows}


def holds_of(picture: Picture) -> Counter[tuple[str, str, int]]:
    return Counter((hold.hospital, hold.resource, hold.slot) for hold in picture.holds.values())


# --- proposing


async def test_a_plan_is_a_fact_with_all_that_it_stood_on_and_moves_nobody(yard: Yard) -> None:
    state = await yard.propose()
    plan = state.proposed
    assert set(where(state)) | {one.casualty for one in plan.left} == set(yard.picture.casualties)
    assert plan.outcome.loss <= min(rule.loss for rule in plan.compared.values()) + 1e-6
    assert set(plan.compared) == {"nearest", "round_robin", "red_first"}
    assert plan.proven and not plan.hurried and plan.gap <= 0.0005
    assert len(plan.inputs) == 64 and plan.rules.startswith("distribution@") and plan.traffic_version and plan.roads
    assert "survival" in plan.fired and any(rule.startswith("needs.") for rule in plan.fired)
    assert state.by == "dispatcher:desk 1"
    assert all(one.option is None for one in yard.picture.casualties.values())
    assert not yard.picture.holds


async def test_the_same_log_proposes_the_same_bytes_again(yard: Yard) -> None:
    await yard.propose()
    await yard.tell(e.ServiceClosed("city", "*", "power cut"))
    assert yard.kinds.count("distribution_proposed") == 2
    assert list(redecide(yard.book.log.read(), yard.roads, valley_area())) == []


async def test_an_unknown_incident_is_refused_and_a_plan_of_strangers_cannot_be_written(yard: Yard) -> None:
    with pytest.raises(NotFound):
        await yard.ask(ProposeDistribution(incident="nowhere"), "propose_distribution")
    state = await yard.propose()
    await yard.happen(e.IncidentOpened(OTHER, SCENE, "traffic", 1, "120", "another"))
    with pytest.raises(IllegalStep):
        await yard.happen(replace(state.proposed, incident=OTHER))


# --- following


async def test_nothing_changed_and_time_passing_say_nothing(yard: Yard) -> None:
    await yard.propose()
    assert await yard.tell() == []
    assert await yard.tell(e.CapacityReported("city", "resus_bay", 2, 4)) == []


async def test_a_closed_hospital_makes_a_new_plan_that_moves_its_own_only(yard: Yard) -> None:
    first = where(await yard.propose())
    lost = next(iter(first.values()))
    assert await yard.tell(e.ServiceClosed(lost, "*", "power cut")) == ["distribution_proposed"]
    second = yard.plan()
    assert lost not in where(second).values()
    moved = {id for id, hospital in where(second).items() if hospital != first.get(id)}
    assert moved == {id for id, hospital in first.items() if hospital == lost}
    assert second.proposed.redirections == len(moved)
    assert second.by == "desk:dispatch"
    assert all(one.option is None for one in yard.picture.casualties.values())


@pytest.mark.parametrize(
    "change",
    [
        [e.CasualtyFound(f"{ID}-E", ID, "E", 30, "f")],
        [e.CasualtyTriaged(f"{ID}-D", "start", RED, "A1")],
        [e.CapacityReported("city", "resus_bay", 0, 4), e.CapacityReported("mill", "resus_bay", 0, 4)],
    ],
    ids=["one more casualty", "another tag", "no bay left"],
)  # fmt: skip
async def test_what_changes_the_plan_is_told_and_everybody_still_counts(yard: Yard, change: list[e.Event]) -> None:
    await yard.propose()
    assert await yard.tell(*change) == ["distribution_proposed"]
    plan = yard.plan().proposed
    tags = [*(one.casualty for one in (*plan.rows, *plan.left)), *plan.not_carried]
    assert sorted(tags) == sorted(yard.picture.casualties)


async def test_a_vehicle_that_goes_elsewhere_makes_a_new_plan(yard: Yard) -> None:
    state = await yard.propose()
    taken = next(row.vehicle for row in state.proposed.rows if row.vehicle in ("A2", "A3"))
    await yard.happen(e.IncidentOpened(OTHER, SCENE, "traffic", 1, "120", "another"))
    assert await yard.tell(e.UnitAssigned(taken, OTHER)) == ["distribution_proposed"]
    assert taken not in {row.vehicle for row in yard.plan().proposed.rows}


async def test_a_closed_road_is_looked_at(yard: Yard) -> None:
    before = (await yard.propose()).proposed
    await yard.tell(G1_EAST)
    after = yard.plan().proposed
    assert after.id == before.id or after.traffic_version != before.traffic_version


async def test_a_plan_refused_as_a_whole_is_followed_no_more(yard: Yard) -> None:
    await yard.propose()
    await yard.refuse(reason="the fire brigade decides here")
    assert yard.plan().refused_whole == "the fire brigade decides here"
    assert await yard.tell(e.ServiceClosed("city", "*", "power cut")) == []


# --- a yes


async def test_a_yes_to_all_books_each_place_once_and_sends_what_the_plan_says(yard: Yard) -> None:
    state = await yard.propose()
    answer = await yard.accept()
    assert answer["lost"] == []
    assert set(answer["chosen"]) == set(where(state))
    for id, hospital in where(state).items():
        one = yard.picture.get_casualty(id)
        assert one.hospital == hospital
        assert yard.picture.find_hold(id) is not None
    assert all(count == 1 for count in holds_of(yard.picture).values())
    chosen = [entry for entry in yard.book.log.read() if entry.kind == "destination_chosen"]
    assert {entry.body["plan"] for entry in chosen} == {state.proposed.id}
    assert not any(hospital.forced for hospital in yard.picture.hospitals.values())
    sent = set(answer["sent"])
    assert sent <= {row.vehicle for row in state.proposed.rows}
    assert all(yard.picture.units[id].incident == ID for id in sent)
    assert yard.kinds.count("prealert_sent") == len(where(state))
    assert await yard.tell() == []


async def test_a_script_says_yes_to_the_newest_and_replay_chooses_the_same_again(yard: Yard) -> None:
    with pytest.raises(RefusedInput):
        await yard.ask(AcceptDistribution(incident=ID), "accept_distribution")
    await yard.propose()
    assert len((await yard.ask(AcceptDistribution(incident=ID), "accept_distribution"))["chosen"]) == 4
    assert list(choices_again(yard.book.log.read(), yard.roads, valley_area())) == []
    assert list(redecide(yard.book.log.read(), yard.roads, valley_area())) == []


async def test_a_yes_that_is_sent_twice_is_done_once(yard: Yard) -> None:
    await yard.propose()
    sender = Asker(yard.dispatcher.badge, None, "k-1")
    command = AcceptDistribution(incident=ID, plan=yard.plan().proposed.id)
    await yard.asks["accept_distribution"].handle(command, sender)
    before = yard.picture.seq
    await yard.asks["accept_distribution"].handle(command, sender)
    assert yard.picture.seq == before


async def test_a_yes_to_one_leaves_the_others_to_be_decided(yard: Yard) -> None:
    state = await yard.propose()
    first = state.proposed.rows[0]
    answer = await yard.accept(ID, first.casualty)
    assert answer["chosen"] == [first.casualty]
    others = [one for one in yard.picture.casualties.values() if one.id != first.casualty]
    assert all(one.option is None for one in others)
    assert set((await yard.accept())["chosen"]) == {one.id for one in others}


async def test_a_yes_to_an_older_plan_changes_nothing(yard: Yard) -> None:
    old = (await yard.propose()).proposed.id
    await yard.tell(e.ServiceClosed("city", "*", "power cut"))
    before = yard.picture.seq
    with pytest.raises(RefusedInput) as refused:
        await yard.accept(plan=old)
    assert refused.value.key == "plan_outdated"
    assert yard.picture.seq == before
    for language in LANGUAGES:
        assert old in say("error.plan_outdated", language, **refused.value.facts)


async def test_two_plans_for_the_last_bay_book_it_once_and_the_loser_gets_the_next_best(valley: Roadmap) -> None:
    """Both plans were made while the bay was free; whoever says yes second loses it, and is told where else."""
    both = [*casualty("A", RED), *casualty_of(OTHER, "Z", RED, "A2")]
    yard = await Yard(valley, *enrolled(), *one_bay_each(), *crash(), *second_crash(), *both).begin()
    first, second = await yard.propose(), await yard.propose(OTHER)
    assert where(first)[f"{ID}-A"] == where(second)[f"{OTHER}-Z"]
    assert (await yard.accept())["lost"] == []
    (lost,) = (await yard.accept(OTHER))["lost"]
    assert lost["casualty"] == f"{OTHER}-Z"
    assert lost["next"]["hospital"] != where(first)[f"{ID}-A"]
    assert yard.plan(OTHER).lost == (f"{OTHER}-Z",)
    assert all(count == 1 for count in holds_of(yard.picture).values())
    assert "distribution_proposed" in await yard.tell()
    assert where(yard.plan(OTHER))[f"{OTHER}-Z"] == lost["next"]["hospital"]


def one_bay_each() -> list[e.Event]:
    return [e.CapacityReported(id, "resus_bay", 1, 4) for id in ("city", "mill")]


def second_crash() -> list[e.Event]:
    opened = e.IncidentOpened(OTHER, SCENE, "traffic", 1, "120", "another")
    return [opened, e.UnitAssigned("A2", OTHER), e.UnitEnRoute("A2"), e.UnitOnScene("A2")]


def casualty_of(incident: str, label: str, category: Category, unit: str) -> list[e.Event]:
    id = f"{incident}-{label}"
    found = e.CasualtyFound(id, incident, label, 42, "m")
    (findings,) = [fact for fact in casualty() if isinstance(fact, e.FindingsRecorded)]
    tag = e.CasualtyTriaged(id, "start", category, unit)
    return [found, e.UnitAtPatient(unit, id), tag, e.FindingsRecorded(id, findings.findings)]


async def test_a_plan_may_not_be_used_to_send_somebody_where_it_does_not(yard: Yard) -> None:
    state = await yard.propose()
    for plan, hospital in (("DP-none", ""), (state.proposed.id, "quarry")):
        with pytest.raises(RefusedInput) as refused:
            await yard.ask(ChooseDestination(casualty=f"{ID}-A", plan=plan, hospital=hospital), "choose_destination")
        assert refused.value.key == "plan_outdated"


async def test_who_has_a_yes_keeps_it_in_the_next_plan(yard: Yard) -> None:
    first = (await yard.propose()).proposed.rows[0]
    await yard.accept(ID, first.casualty)
    await yard.tell(*casualty("E", RED))
    shown = boards(yard.picture)[ID]["plan"]
    assert shown["id"] == yard.plan().proposed.id
    assert shown["rows"][first.casualty]["answer"] == "yes"
    assert shown["rows"][first.casualty]["hospital"] == first.hospital
    assert not shown["rows"][first.casualty]["open"]
    assert shown["open"] == len(yard.plan().proposed.rows) - 1


# --- a no


async def test_a_no_with_a_reason_is_kept_and_the_next_plan_goes_elsewhere(yard: Yard) -> None:
    unwanted = where(await yard.propose())[f"{ID}-A"]
    await yard.refuse(f"{ID}-A")
    assert yard.plan().reasons == {f"{ID}-A": "family waits elsewhere"}
    assert await yard.tell() == ["distribution_proposed"]
    assert where(yard.plan()).get(f"{ID}-A") != unwanted
    await yard.tell(e.CapacityReported("city", "ed_bed", 1, 4), e.CapacityReported("mill", "ed_bed", 1, 4))
    assert where(yard.plan()).get(f"{ID}-A") != unwanted


async def test_a_no_needs_a_reason_and_somebody_of_the_plan(yard: Yard) -> None:
    await yard.propose()
    for casualties, reason, wrong in (((), "   ", RefusedInput), ((f"{ID}-Q",), "why not", NotFound)):
        with pytest.raises(wrong):
            await yard.refuse(*casualties, reason=reason)
    with pytest.raises(RefusedInput):
        await yard.refuse(plan="DP-none")


# --- sums


FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FEW
@given(st.data())
async def test_the_totals_are_always_the_number_of_casualties(valley: Roadmap, data: st.DataObject) -> None:
    """Whatever is reported, closed, tagged anew, accepted or refused: each tag stands once, and the sums are theirs."""
    colours = data.draw(st.lists(st.sampled_from(list(Category)), min_size=1, max_size=5))
    people = [fact for n, colour in enumerate(colours) for fact in casualty("ABCDE"[n], colour)]
    yard = await Yard(valley, *enrolled(), *reported(data.draw(st.integers(0, 2))), *crash(), *people).begin()
    await yard.propose()
    for n in range(data.draw(st.integers(1, 4))):
        someone = data.draw(st.sampled_from(sorted(yard.picture.casualties)))
        match data.draw(st.sampled_from(["accept", "one", "no", "close", "tag", "found"])):
            case "accept":
                await yard.accept()
            case "one" if yard.plan().find_row(someone):
                await yard.accept(ID, someone)
            case "no" if yard.plan().find_row(someone):
                await yard.refuse(someone)
            case "close":
                await yard.tell(e.ServiceClosed(data.draw(st.sampled_from(["city", "mill"])), "*", "full"))
            case "tag":
                await yard.tell(e.CasualtyTriaged(someone, "start", data.draw(st.sampled_from(list(Category))), "A1"))
            case _:
                await yard.tell(*casualty(f"N{n}", RED))
        await yard.tell()
        adds_up(yard)


def adds_up(yard: Yard) -> None:
    people = yard.picture.casualties
    plan, board = yard.plan().proposed, boards(yard.picture)[ID]
    tags = [*(one.casualty for one in (*plan.rows, *plan.left)), *plan.not_carried]
    assert sorted(tags) == sorted(people)
    for counts, of in ((board["counts"], board), (board["plan"]["counts"], board["plan"])):
        assert sum(sum(row.values()) for row in counts.values()) == of["total"] == len(people)
        by_tag = Counter(str(one.category) if one.category else "none" for one in people.values())
        assert sum((Counter(row) for row in counts.values()), Counter()) == by_tag
    assert board["plan"]["retagged"] == board["plan"]["unplanned"] == []
    assert all(count == 1 for count in holds_of(yard.picture).values())
    assert NO_HOSPITAL in board["plan"]["counts"] or not (plan.left or plan.not_carried)
