"""Who goes: the nearest suitable unit, equal to brute force, with reasons for all the others."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.events import Reason
from casebook.picture import UnitState
from casebook.place import Place
from casebook.steps import Duty
from dispatch.assignment import Ranked, rank_units
from dispatch.rule_files import default_assignment

RULES = default_assignment()
BASE = Place(31, 121)


def unit(id: str, kind: str = "ambulance", duty: Duty = Duty.AVAILABLE) -> UnitState:
    return UnitState(id, kind, id, id, "west", BASE, "west", duty)


def order(ranked: list[Ranked]) -> list[str]:
    return [one.unit for one in ranked]


def why(ranked: list[Ranked], id: str) -> list[str]:
    return [reason.code for one in ranked if one.unit == id for reason in one.reasons]


def test_the_nearest_goes_and_the_other_hears_by_how_much_it_is_slower():
    ranked = rank_units([unit("far"), unit("near")], {"far": 600.0, "near": 300.0}, 2, RULES)
    assert order(ranked) == ["near", "far"]
    assert ranked[0].reasons == (Reason("unit_nearest", {"unit": "far", "faster_s": 300, "faster_min": 5.0}),)
    assert why(ranked, "far") == ["time"]


def test_a_5g_ambulance_is_worth_waiting_for_on_a_severe_call_but_not_for_long():
    worth_s = RULES.worth_waiting_s.seconds
    units = [unit("plain"), unit("equipped", "ambulance_5g")]
    near = rank_units(units, {"plain": 300.0, "equipped": 300.0 + worth_s - 1}, 1, RULES)
    assert order(near) == ["equipped", "plain"]
    assert why(near, "equipped") == ["unit_better_equipped"] and why(near, "plain") == ["unit_less_equipped"]
    assert order(rank_units(units, {"plain": 300.0, "equipped": 301.0 + worth_s}, 1, RULES)) == ["plain", "equipped"]
    assert order(rank_units(units, {"plain": 300.0, "equipped": 301.0}, 3, RULES)) == ["plain", "equipped"]


def test_busy_units_helicopters_and_those_without_a_road_cannot_go_and_say_why():
    units = [unit("busy", duty=Duty.EN_ROUTE), unit("heli", "helicopter"), unit("cut_off"), unit("free")]
    ranked = rank_units(units, {"busy": 60.0, "free": 900.0, "cut_off": None}, 1, RULES)
    assert ranked[0].unit == "free" and ranked[0].reasons == (Reason("only_unit"),)
    assert [one.fit for one in ranked] == [True, False, False, False]
    assert why(ranked, "busy") == ["unit_busy"]
    assert why(ranked, "heli") == ["unit_kind"]
    assert why(ranked, "cut_off") == ["no_route"]


def test_nobody_can_go():
    assert all(not one.fit for one in rank_units([unit("busy", duty=Duty.ON_SCENE)], {"busy": 1.0}, 1, RULES))
    assert rank_units([], {}, 1, RULES) == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ambulance", "ambulance_5g", "helicopter"]),
            st.sampled_from([Duty.AVAILABLE, Duty.AVAILABLE, Duty.EN_ROUTE]),
            st.none() | st.integers(0, 20).map(lambda n: n * 60.0),
        ),
        max_size=6,
    ),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_brute_force_sends_the_same_unit_whatever_the_order(drawn, priority, random):
    units = [unit(f"u{number}", kind, duty) for number, (kind, duty, _) in enumerate(drawn)]
    times = {f"u{number}": eta_s for number, (_, _, eta_s) in enumerate(drawn)}
    ranked = rank_units(units, times, priority, RULES)
    sendable = [u for u in units if u.kind != "helicopter" and u.duty == "available" and times[u.id] is not None]

    def cost(u: UnitState) -> tuple[float, float, str]:
        penalty = 180 if priority == 1 and u.kind == "ambulance" else 0
        ranks_present = priority == 1
        eta_s = times[u.id] or 0.0
        return eta_s + (penalty if ranks_present else 0), eta_s, u.id

    assert [one.unit for one in ranked if one.fit] == [u.id for u in sorted(sendable, key=cost)]
    assert all(one.reasons for one in ranked)
    shuffled = list(units)
    random.shuffle(shuffled)
    assert rank_units(shuffled, times, priority, RULES) == ranked
