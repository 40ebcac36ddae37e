"""The destination decision: equal to brute force, lawful under change, and explained to the last loser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from casebook.capacity import AGE_LIMIT_S, Closure, Figure, Hold, resource_table
from casebook.capacity.ageing import p_free_on_arrival
from casebook.casualty import Category, Findings, Pathway
from casebook.errors import NotFound
from casebook.events import Decision, Reason
from casebook.picture import CasualtyState, HospitalState
from casebook.place import Place
from dispatch.destination import Case, Way, case_of, decide_destination
from dispatch.looked_at import hashes_of
from dispatch.rule_files import default_policy

NOW = datetime(2021, 4, 18, 1, 40, tzinfo=UTC)
POLICY = default_policy()
SEVERE = Case("I1-A", "red", "trauma")
TRAUMA = ("trauma_centre", "ct", "theatre", "blood")


def hospital(
    id: str, *capabilities: str, free: int | None = 2, age_s: float = 60, level: int | None = 1, **closed: str
) -> HospitalState:
    """A hospital that reported `free` resus bays and ED beds `age_s` ago; `free` -1 means that it never reported."""
    figure = Figure(None if free is None else free, 4, NOW - timedelta(seconds=age_s), "ed:nurse", "board")
    figures = {} if free == -1 else {"resus_bay": figure, "ed_bed": figure}
    closures = {name: Closure(name, why, None, NOW, "ed:nurse") for name, why in closed.items()}
    return HospitalState(id, id, id, Place(31, 121), capabilities or TRAUMA, level, figures=figures, closures=closures)


def road(id: str, eta_s: float, **also: object) -> Way:
    return Way(id, "road", eta_s, {"drive": eta_s}, **also)  # type: ignore[arg-type]


def flight(id: str, eta_s: float, **also: object) -> Way:
    terms_s = {"drive": 100.0, "cruise": eta_s - 100.0}
    return Way(id, "rendezvous", eta_s, terms_s, rendezvous="fengjing", aircraft="H1", **also)  # type: ignore[arg-type]


def decide(case: Case, ways: Sequence[Way], *hospitals: HospitalState, holds: Sequence[Hold] = ()) -> Decision:
    return decide_destination(case, ways, {one.id: one for one in hospitals}, holds, NOW, POLICY)


def codes(decision: Decision, id: str, mode: str = "road") -> list[str]:
    (rejection,) = [one for one in decision.rejected if (one.hospital, one.mode) == (id, mode)]
    return [reason.code for reason in rejection.reasons]


# --- the rules, one by one


def test_the_fastest_capable_hospital_with_a_free_bay_wins_and_the_slower_one_hears_by_how_much():
    decision = decide(SEVERE, [road("far", 1500), road("near", 600)], hospital("near"), hospital("far"))
    assert [one.hospital for one in decision.options] == ["near", "far"]
    (rejection,) = decision.rejected
    assert rejection.reasons[-1] == Reason("time", {"slower_s": 900, "slower_min": 15.0})
    assert decision.options[0].reasons[0].code == "faster"


def test_a_hospital_that_lacks_a_need_is_never_proposed():
    near = hospital("near", "ct")
    decision = decide(SEVERE, [road("near", 300), road("far", 1500)], near, hospital("far"))
    assert [one.hospital for one in decision.options] == ["far"]
    assert decision.rejected[0].reasons[0] == Reason("capability", {"missing": ["trauma_centre", "theatre", "blood"]})


def test_a_full_resus_room_sends_the_casualty_to_the_next_centre_and_says_so():
    decision = decide(SEVERE, [road("near", 600), road("far", 1500)], hospital("near", free=0), hospital("far"))
    assert decision.options[0].hospital == "far"
    assert codes(decision, "near") == ["capacity"]


def test_a_bay_held_for_somebody_else_is_not_free_but_ones_own_is():
    hold = Hold("near", "resus_bay", 1, "I9-Z", NOW + timedelta(minutes=20))
    near, far = hospital("near", free=1), hospital("far")
    ways = [road("near", 600), road("far", 1500)]
    assert decide(SEVERE, ways, near, far, holds=[hold]).options[0].hospital == "far"
    assert decide(SEVERE, ways, near, far, holds=[replace(hold, casualty="I1-A")]).options[0].hospital == "near"
    assert decide(SEVERE, ways, near, far, holds=[replace(hold, until=NOW)]).options[0].hospital == "near"


@pytest.mark.parametrize(
    ("silent", "code"),
    [
        (hospital("near", free=-1), "capacity_unknown"),
        (hospital("near", free=None), "capacity_unknown"),
        (hospital("near", age_s=AGE_LIMIT_S["resus_bay"] + 1), "capacity_stale"),
    ],
)
def test_unknown_capacity_ranks_below_known_free_and_above_known_full(silent: HospitalState, code: str):
    ways = [road("near", 300), road("far", 1500), road("full", 200)]
    decision = decide(SEVERE, ways, silent, hospital("far"), hospital("full", free=0))
    assert [one.hospital for one in decision.options] == ["far", "near"]
    assert code in codes(decision, "near")


def test_a_closed_hospital_says_why_and_until_when():
    decision = decide(SEVERE, [road("near", 300), road("far", 900)], hospital("near", **{"*": "fire"}), hospital("far"))
    assert decision.options[0].hospital == "far"
    assert decision.rejected[0].reasons[0] == Reason("closed", {"resource": "*", "reason": "fire", "until": None})


def test_a_closed_service_counts_only_for_those_who_need_it():
    near, far = hospital("near", ct="scanner down"), hospital("far")
    ways = [road("near", 300), road("far", 900)]
    assert decide(SEVERE, ways, near, far).options[0].hospital == "far"
    assert decide(Case("I1-B", "green"), ways, near, far).options[0].hospital == "near"


def test_a_closure_that_has_run_out_is_open_again():
    expired = Closure("*", "flood", NOW, NOW - timedelta(hours=1), "ed:nurse")
    near = replace(hospital("near"), closures={"*": expired})
    assert decide(SEVERE, [road("near", 300)], near).options[0].hospital == "near"


def test_beyond_the_bypass_limit_a_hospital_ranks_below_every_capable_one_within():
    decision = decide(SEVERE, [road("one", 2701), road("two", 2700)], hospital("one"), hospital("two", level=3))
    assert [one.hospital for one in decision.options] == ["two", "one"]
    assert "policy.bypass_limit" in codes(decision, "one")


def test_the_bypass_limit_counts_from_leaving_the_scene():
    late = Way("one", "road", 2850, {"on_scene": 180.0, "drive": 2670.0})
    assert "policy.bypass_limit" not in [r.code for r in decide(SEVERE, [late], hospital("one")).options[0].reasons]


def test_within_the_limit_the_highest_level_goes_first_for_red_only():
    ways = [road("level2", 600), road("level1", 1500)]
    houses = (hospital("level2", level=2), hospital("level1", level=1))
    assert decide(SEVERE, ways, *houses).options[0].hospital == "level1"
    assert codes(decide(SEVERE, ways, *houses), "level2") == ["policy.highest_level"]
    assert decide(replace(SEVERE, category="yellow"), ways, *houses).options[0].hospital == "level2"


def test_arrest_goes_to_the_closest_hospital_whatever_it_declares_or_reports():
    near, far = hospital("near", "ct", free=-1), hospital("far")
    for trouble in ({"in_arrest": True}, {"airway_unmanageable": True}):
        decision = decide(replace(SEVERE, **trouble), [road("near", 240), road("far", 900)], near, far)
        assert decision.options[0].hospital == "near"
        assert Reason("policy.closest_any") in decision.options[0].reasons


def test_a_flight_must_save_more_than_the_change_of_vehicle_weighs():
    cost_s = POLICY.change_costs_s.by_mode["rendezvous"]
    close = decide(SEVERE, [road("a", 1500), flight("a", 1560 - cost_s)], hospital("a"))
    assert close.options[0].mode == "road"
    assert codes(close, "a", "rendezvous") == ["policy.change_of_vehicle"]
    clear = decide(SEVERE, [road("a", 1500), flight("a", 1440 - cost_s)], hospital("a"))
    assert clear.options[0].mode == "rendezvous"
    assert codes(clear, "a")[-1] == "time"


def test_nobody_flies_whose_category_does_not_allow_it():
    decision = decide(replace(SEVERE, category="yellow"), [road("a", 2500), flight("a", 600)], hospital("a"))
    assert decision.options[0].mode == "road"
    assert codes(decision, "a", "rendezvous") == ["policy.no_flight"]


def test_a_flight_with_open_questions_ranks_below_a_known_road():
    unsettled = (Reason("air_ceiling_unknown", {"what": "ceiling_ft"}),)
    decision = decide(SEVERE, [road("a", 2500), flight("a", 600, unsettled=unsettled)], hospital("a"))
    assert [one.mode for one in decision.options] == ["road", "rendezvous"]
    assert codes(decision, "a", "rendezvous") == ["air_ceiling_unknown", "policy.change_of_vehicle"]


def test_a_way_that_does_not_exist_keeps_its_reason():
    barred = Way("a", "rendezvous", barred=(Reason("air_no_pad"),))
    decision = decide(SEVERE, [barred, Way("a", "road")], hospital("a"))
    assert decision.options == ()
    assert [[r.code for r in one.reasons] for one in decision.rejected] == [["no_route"], ["air_no_pad"]]


def test_a_closure_on_the_way_is_told_with_the_way():
    detour = Reason("closure", {"closure": "g60", "cost_s": 1200})
    decision = decide(SEVERE, [road("a", 600), road("b", 1800, detours=(detour,))], hospital("a"), hospital("b"))
    assert [code for code in codes(decision, "b") if code != "wait_for_bay"] == ["closure", "time"]


def test_a_wish_is_honoured_while_it_is_cheap_and_says_what_it_costs():
    case = Case("I1-B", "yellow", wish="far")
    decision = decide(case, [road("near", 600), road("far", 1200)], hospital("near"), hospital("far"))
    assert decision.options[0].hospital == "far"
    assert decision.options[0].reasons[0] == Reason("wish", {"hospital": "far", "cost_s": 600, "cost_min": 10.0})
    assert "wish" in codes(decision, "near")


@pytest.mark.parametrize(
    ("case", "wished", "code"),
    [
        (Case("I1-B", "yellow", wish="far"), hospital("far", free=-1), "wish_unsafe"),
        (Case("I1-B", "yellow", wish="far"), hospital("far", free=0), "wish_unsafe"),
        (Case("I1-B", "red", wish="far"), hospital("far"), "wish_declined"),
    ],
)
def test_a_wish_that_is_unsafe_or_too_dear_is_declined_with_words(case: Case, wished: HospitalState, code: str):
    decision = decide(case, [road("near", 600), road("far", 1200)], hospital("near"), wished)
    assert decision.options[0].hospital == "near"
    assert code in codes(decision, "far")


def test_a_way_to_a_hospital_that_nobody_enrolled_is_refused():
    with pytest.raises(NotFound):
        decide(SEVERE, [road("nowhere", 60)])


def test_the_case_is_read_from_the_picture():
    found = Findings(pathway=Pathway.TRAUMA, needs=("ct",), in_arrest=True)
    state = CasualtyState("I1-A", "I1", "A", category=Category.RED, findings=found, wish="a")
    assert case_of(state) == Case("I1-A", "red", "trauma", ("ct",), in_arrest=True, wish="a")
    assert case_of(CasualtyState("I1-B", "I1", "B")) == Case("I1-B", "none", "general")


# --- laws, over thousands of small worlds

CAPABILITIES = ("trauma_centre", "ct", "theatre", "blood", "pci", "paediatric")
IDS = ("h1", "h2", "h3", "h4")
minutes = st.integers(1, 60).map(lambda n: n * 60.0)


@st.composite
def hospitals_drawn(draw: st.DrawFn) -> dict[str, HospitalState]:
    drawn = {}
    for id in IDS[: draw(st.integers(1, 4))]:
        full_set = draw(st.booleans())
        words = CAPABILITIES if full_set else tuple(draw(st.sets(st.sampled_from(CAPABILITIES))))
        one = hospital(
            id, *(words or ("icu",)), free=draw(st.sampled_from([-1, None, 0, 1, 2])),
            age_s=draw(st.sampled_from([0, 60, 899, 901])), level=draw(st.sampled_from([None, 1, 2])),
        )  # fmt: skip
        for name in draw(st.sets(st.sampled_from(["*", "resus_bay", "ct"]), max_size=1)):
            until = draw(st.sampled_from([None, NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)]))
            one = replace(one, closures={name: Closure(name, "works", until, NOW, "ed:nurse")})
        drawn[id] = one
    return drawn


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Case, list[Way], dict[str, HospitalState], list[Hold]]:
    houses = draw(hospitals_drawn())
    ways = []
    for id in houses:
        eta_s = draw(st.none() | minutes)
        ways.append(Way(id, "road") if eta_s is None else road(id, eta_s))
        if draw(st.booleans()):
            unsettled = (Reason("air_ceiling_unknown"),) if draw(st.booleans()) else ()
            ways.append(flight(id, 100.0 + draw(minutes), unsettled=unsettled))
    holds = [
        Hold(draw(st.sampled_from(sorted(houses))), draw(st.sampled_from(["resus_bay", "ed_bed"])), slot, who, until)
        for slot, who in enumerate(draw(st.lists(st.sampled_from(["I1-A", "I1-B", "I1-C"]), max_size=3)), start=1)
        for until in [NOW + timedelta(minutes=draw(st.sampled_from([-1, 30])))]
    ]
    case = Case(
        "I1-A", draw(st.sampled_from(["red", "yellow", "green", "none"])),
        draw(st.sampled_from(["trauma", "general", "stemi", "paediatric"])),
        needs=tuple(draw(st.sets(st.sampled_from(["ct", "blood"])))),
        in_arrest=draw(st.sampled_from([False, False, False, True])),
        wish=draw(st.none() | st.sampled_from(sorted(houses))),
    )  # fmt: skip
    return case, draw(st.permutations(ways)), houses, holds


# The oracle knows the rules as the reference states them, spelled out without the code under test.
NEEDS = {
    ("trauma", "red"): {"trauma_centre", "ct", "theatre", "blood"},
    **{("stemi", c): {"pci"} for c in ("red", "yellow", "green", "none")},
    **{("paediatric", c): {"paediatric"} for c in ("red", "yellow", "green", "none")},
}


def oracle_free(case: Case, house: HospitalState, holds: Sequence[Hold]) -> int | None:
    thing = "resus_bay" if case.category in ("red", "none") else "ed_bed"
    figure = house.figures.get(thing)
    if figure is None or figure.free is None or (NOW - figure.at).total_seconds() > 900:
        return None
    others = [h for h in holds if h.hospital == house.id and h.resource == thing and h.until > NOW]
    return max(0, figure.free - len([h for h in others if h.casualty != case.casualty]))


def oracle_may(case: Case, way: Way, house: HospitalState, holds: Sequence[Hold]) -> bool:
    thing = "resus_bay" if case.category in ("red", "none") else "ed_bed"
    needs = set() if case.in_arrest else set(case.needs) | NEEDS.get((case.pathway, case.category), set())
    closed = {c.resource for c in house.closures.values() if c.until is None or c.until > NOW}
    if way.eta_s is None or (way.mode != "road" and case.category != "red"):
        return False
    if needs - set(house.capabilities) or closed & ({"*", thing} | needs):
        return False
    return case.in_arrest or oracle_free(case, house, holds) != 0


def oracle_after_door_s(case: Case, way: Way, house: HospitalState, holds: Sequence[Hold]) -> float:
    """Expected seconds from the door to a place: the queue, then the wait until somebody leaves."""
    if case.in_arrest:
        return 0.0
    thing = "resus_bay" if case.category in ("red", "none") else "ed_bed"
    figure, free = house.figures.get(thing), oracle_free(case, house, holds)
    places = figure.total if figure else {"resus_bay": 4, "ed_bed": 20}[thing]
    leaves_s = {"resus_bay": 215, "ed_bed": 240}[thing] * 60 / places
    chance = 0.0
    if figure is not None and free is not None:
        age_s = (NOW - figure.at).total_seconds()
        chance = p_free_on_arrival(figure, figure.free - free, way.eta_s or 0.0, age_s, resource_table().get(thing))
    queue_s = 0.0
    if thing == "ed_bed":
        known = figure is not None and figure.free is not None and (NOW - figure.at).total_seconds() <= 900
        share = (figure.total - figure.free) / figure.total if known else 0.0
        queue_s = (1800 if share >= 1 else 900 if share >= 0.95 else 300 if share >= 0.85 else 0) if known else 900
    return round((1 - chance) * leaves_s, 1) + queue_s


def oracle_before(case: Case, a: Way, b: Way, houses: dict[str, HospitalState], holds: Sequence[Hold]) -> bool:
    """Whether `a` goes before `b` by the rules, criterion by criterion; ties by time, road first, then id."""

    def column(way: Way) -> list[float]:
        house = houses[way.hospital]
        eta_s = way.eta_s or 0.0
        beyond = 0 if case.in_arrest else int(eta_s > 45 * 60)
        unknown = int(bool(way.unsettled) or (not case.in_arrest and oracle_free(case, house, holds) is None))
        by_level = case.category == "red" and case.pathway == "trauma" and not case.in_arrest
        level = (house.trauma_level or 99) if by_level else 0
        wants = case.category == "yellow" and case.pathway == "trauma" and not case.in_arrest
        weighed = eta_s + (0 if way.mode == "road" else 300) + oracle_after_door_s(case, way, house, holds)
        weighed += 300 if wants and "trauma_centre" not in house.capabilities else 0
        return [beyond, unknown, level, weighed, eta_s, 0 if way.mode == "road" else 1, int(way.hospital[1:])]

    return column(a) < column(b)


def oracle_winner(
    case: Case, ways: Sequence[Way], houses: dict[str, HospitalState], holds: Sequence[Hold]
) -> Way | None:
    possible = [way for way in ways if oracle_may(case, way, houses[way.hospital], holds)]
    best = [a for a in possible if all(a is b or oracle_before(case, a, b, houses, holds) for b in possible)]
    if not best:
        return None
    wished = [way for way in possible if way.hospital == case.wish]
    firsts = [a for a in wished if all(a is b or oracle_before(case, a, b, houses, holds) for b in wished)]
    if firsts and not case.in_arrest:
        first, limit_s = firsts[0], {"red": 300, "yellow": 900, "green": 1800, "none": 300}[case.category]
        known = not first.unsettled and oracle_free(case, houses[first.hospital], holds) is not None
        if known and first.eta_s <= 45 * 60 and first.eta_s - best[0].eta_s <= limit_s:
            return first
    return best[0]


@settings(max_examples=500, deadline=None)
@given(worlds())
def test_brute_force_finds_the_same_winner(world):
    case, ways, houses, holds = world
    decision = decide_destination(case, ways, houses, holds, NOW, POLICY)
    expected = oracle_winner(case, ways, houses, holds)
    found = decision.options[0] if decision.options else None
    assert (found and (found.hospital, found.mode)) == (expected and (expected.hospital, expected.mode))


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_every_way_is_either_the_winner_or_rejected_with_reasons(world):
    case, ways, houses, holds = world
    decision = decide_destination(case, ways, houses, holds, NOW, POLICY)
    assert len(decision.rejected) == len(ways) - bool(decision.options)
    assert all(one.reasons for one in decision.rejected)


@settings(max_examples=100, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_not_one_byte(world, random):
    case, ways, houses, holds = world
    shuffled, shuffled_holds, ids = list(ways), list(holds), list(houses)
    for some in (shuffled, shuffled_holds, ids):
        random.shuffle(some)
    first = decide_destination(case, ways, houses, holds, NOW, POLICY)
    second = decide_destination(case, shuffled, {id: houses[id] for id in ids}, shuffled_holds, NOW, POLICY)
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_a_further_free_bay_never_makes_a_hospital_worse(world):
    case, ways, houses, holds = world
    before = [one.hospital for one in decide_destination(case, ways, houses, holds, NOW, POLICY).options]
    for id, house in houses.items():
        roomier = {
            name: replace(figure, free=figure.free + 1) if figure.free is not None else figure
            for name, figure in house.figures.items()
        }
        more = houses | {id: replace(house, figures=roomier)}
        after = [one.hospital for one in decide_destination(case, ways, more, holds, NOW, POLICY).options]
        if id in before:
            assert after.index(id) <= before.index(id)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_a_winner_never_lacks_a_need_nor_is_known_to_be_full(world):
    case, ways, houses, holds = world
    decision = decide_destination(case, ways, houses, holds, NOW, POLICY)
    if decision.options and not case.closest_any:
        house = houses[decision.options[0].hospital]
        assert set(case.needs) | NEEDS.get((case.pathway, case.category), set()) <= set(house.capabilities)
        assert oracle_free(case, house, holds) != 0


@settings(max_examples=100, deadline=None)
@given(worlds(), minutes)
def test_unknown_is_never_chosen_over_an_equally_fast_known_free_one(world, eta_s):
    case, ways, houses, holds = world
    known = hospital("z_known", *CAPABILITIES, free=2)
    silent = hospital("a_silent", *CAPABILITIES, free=-1)
    extra = [road("z_known", eta_s), road("a_silent", eta_s)]
    decision = decide_destination(
        case, [*ways, *extra], houses | {"z_known": known, "a_silent": silent}, holds, NOW, POLICY
    )
    order = [one.hospital for one in decision.options if one.mode == "road"]
    if not case.closest_any:
        assert order.index("z_known") < order.index("a_silent")


@settings(max_examples=100, deadline=None)
@given(worlds(), minutes)
def test_a_longer_way_never_ranks_better(world, more_s):
    case, ways, houses, holds = world
    case = replace(case, wish=None)
    before = [(o.hospital, o.mode) for o in decide_destination(case, ways, houses, holds, NOW, POLICY).options]
    for index, way in enumerate(ways):
        if way.eta_s is None:
            continue
        longer = structs.replace(
            way, eta_s=way.eta_s + more_s, terms_s=way.terms_s | {"drive": way.terms_s["drive"] + more_s}
        )
        changed = [*ways[:index], longer, *ways[index + 1 :]]
        after = [(o.hospital, o.mode) for o in decide_destination(case, changed, houses, holds, NOW, POLICY).options]
        if (way.hospital, way.mode) in before:
            assert after.index((way.hospital, way.mode)) >= before.index((way.hospital, way.mode))


def test_the_inputs_hash_changes_with_anything_that_was_looked_at():
    ways, near = [road("near", 600)], hospital("near")
    base = decide(SEVERE, ways, near).inputs
    assert decide(SEVERE, ways, near).inputs == base
    assert decide(replace(SEVERE, wish="near"), ways, near).inputs != base
    assert decide(SEVERE, [road("near", 601)], near).inputs != base
    assert decide(SEVERE, ways, hospital("near", free=1)).inputs != base
    hold = Hold("near", "resus_bay", 1, "I9-Z", NOW + timedelta(minutes=20))
    assert decide(SEVERE, ways, near, holds=[hold]).inputs != base


def test_a_closure_that_ends_is_told_by_the_hashes_whichever_instant_was_asked_for_before():
    houses = {"near": hospital("near", **{"*": "fire"})}
    (closure,) = houses["near"].closures.values()
    houses["near"] = replace(houses["near"], closures={"*": replace(closure, until=NOW + timedelta(minutes=10))})
    instants = [NOW + timedelta(minutes=minute) for minute in (0, 9, 10, 11, 9, 0)]
    told = [hashes_of(houses, at)["near"] for at in instants]
    assert told == [hashes_of(dict(houses), at)["near"] for at in instants], "as if nothing had been asked before"
    assert [one == told[0] for one in told] == [True, True, False, False, True, True]
