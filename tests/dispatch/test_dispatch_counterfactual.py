"""What would have to change for a loser to win is true: flip exactly that, and it wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from test_dispatch_destination import NOW, POLICY, SEVERE, TRAUMA, flight, hospital, minutes, road, worlds

from casebook.capacity import Hold, resource_table
from casebook.errors import RefusedInput
from casebook.events import Decision, Reason
from casebook.picture import HospitalState
from dispatch.changes import applied, less_s, shortened
from dispatch.counterfactual import _Search, changes_for
from dispatch.destination import Case, Way, decide
from dispatch.judging import Judged
from dispatch.ranking import World, rank

REOPENED = Reason("change.road_reopened", {"closure": "g60", "road": "G60"})


def world(
    ways: Sequence[Way], *hospitals: HospitalState, case: Case = SEVERE, holds: Sequence[Hold] = (), **also: object
) -> World:
    return World(case, tuple(ways), {one.id: one for one in hospitals}, tuple(holds), NOW, POLICY, resource_table(),
                 **also)  # type: ignore[arg-type]  # fmt: skip


def change_for(decision: Decision, id: str, mode: str = "road") -> Reason | None:
    (rejection,) = [one for one in decision.rejected if (one.hospital, one.mode) == (id, mode)]
    return rejection.would_win


def test_a_full_hospital_wins_when_one_bay_is_freed():
    asked = world([road("near", 600), road("far", 1500)], hospital("near", free=0), hospital("far"))
    assert change_for(decide(asked), "near") == Reason(
        "change.bay_freed", {"hospital": "near", "resource": "resus_bay"}
    )


def test_a_silent_hospital_wins_when_it_reports_more_than_is_held():
    held = Hold("near", "resus_bay", 1, "I9-Z", NOW + timedelta(minutes=20))
    asked = world(
        [road("near", 600), road("far", 2400)], hospital("near", free=-1), hospital("far", free=1), holds=[held]
    )
    facts = {"hospital": "near", "resource": "resus_bay", "free": 2}
    assert change_for(decide(asked), "near") == Reason("change.figure_reported", facts)


def test_a_closed_hospital_wins_when_it_takes_casualties_again_and_a_poor_one_with_what_it_lacks():
    closed = world([road("near", 300), road("far", 900)], hospital("near", **{"*": "fire"}), hospital("far"))
    assert change_for(decide(closed), "near") == Reason("change.reopened", {"hospital": "near", "resource": "*"})
    poor = world([road("near", 300), road("far", 900)], hospital("near", *TRAUMA[:3]), hospital("far"))
    assert change_for(decide(poor), "near") == Reason("change.capability", {"hospital": "near", "capability": "blood"})
    poorer = world([road("near", 300), road("far", 900)], hospital("near", *TRAUMA[:2]), hospital("far"))
    assert change_for(decide(poorer), "near") is None, "no single thing would do"


def test_a_slower_hospital_wins_with_the_least_whole_minutes_less():
    asked = world([road("near", 600), road("far", 1500)], hospital("near"), hospital("far"))
    change = change_for(decide(asked), "far")
    assert change is not None and change.code == "change.eta_shorter"
    fewer = structs.replace(change, facts=change.facts | {"minutes": change.facts["minutes"] - 1})
    assert decide(applied(asked, change)).options[0].hospital == "far"
    assert decide(applied(asked, fewer)).options[0].hospital == "near"


def test_a_road_that_opens_again_changes_all_ways_at_once():
    shut = [road("near", 2400), flight("near", 1200)]
    then = (road("near", 700), flight("near", 1100))
    asked = world(shut, hospital("near"), what_ifs=((REOPENED, then),))
    assert decide(asked).options[0].mode == "rendezvous"
    assert change_for(decide(asked), "near") == REOPENED


def test_a_change_that_nobody_knows_is_refused():
    asked = world([road("near", 600)], hospital("near"))
    for change in (Reason("change.moon"), Reason("change.bay_freed", {"hospital": "nowhere", "resource": "ct"})):
        with pytest.raises(RefusedInput):
            applied(asked, change)


@st.composite
def changing_worlds(draw: st.DrawFn) -> World:
    case, ways, houses, holds = draw(worlds())
    onward = {(a, b): draw(minutes) for a in houses for b in houses if a != b and draw(st.booleans())}
    shorter = [structs.replace(way, eta_s=draw(minutes)) if way.eta_s is not None else road(way.hospital, draw(minutes))
               for way in ways]  # fmt: skip
    shorter = [structs.replace(way, terms_s={"drive": way.eta_s or 0.0}) for way in shorter]
    what_ifs = ((REOPENED, tuple(shorter)),) if draw(st.booleans()) else ()
    case = replace(
        case, pathway=draw(st.sampled_from([case.pathway, "stroke"])), age_years=draw(st.sampled_from([None, 8.0])),
        scores=draw(st.sampled_from([{}, {"lams": 5.0}, {"race": 2.0}])),
        last_known_well=draw(st.sampled_from([None, NOW - timedelta(hours=2)])),
    )  # fmt: skip
    return World(case, tuple(ways), houses, tuple(holds), NOW, POLICY, resource_table(), onward, what_ifs)


@settings(max_examples=600)
@given(changing_worlds())
def test_flipping_exactly_the_stated_change_makes_that_option_win(asked: World):
    for one in decide(asked).rejected:
        if one.would_win is not None:
            first = decide(applied(asked, one.would_win)).options[0]
            assert (first.hospital, first.mode, first.rendezvous) == (one.hospital, one.mode, one.rendezvous)


@settings(max_examples=150)
@given(changing_worlds())
def test_the_stated_minutes_are_the_fewest(asked: World):
    for one in decide(asked).rejected:
        if one.would_win is None or one.would_win.code != "change.eta_shorter" or one.would_win.facts["minutes"] == 1:
            continue
        fewer = structs.replace(
            one.would_win, facts=one.would_win.facts | {"minutes": one.would_win.facts["minutes"] - 1}
        )
        first = decide(applied(asked, fewer)).options[0]
        assert (first.hospital, first.mode) != (one.hospital, one.mode)


@settings(max_examples=150)
@given(changing_worlds())
def test_where_no_bay_would_do_none_is_named_and_where_one_would_it_is_not_missed(asked: World):
    """The search looks at one hospital only; the whole decision says the same."""
    decision = decide(asked)
    for one in decision.rejected:
        if [reason.code for reason in one.reasons][:1] != ["capacity"] or one.would_win is not None:
            continue
        facts = {"hospital": one.hospital, "resource": one.reasons[0].facts["resource"]}
        options = decide(applied(asked, Reason("change.bay_freed", facts))).options
        first = options[0] if options else None
        others = [w for w in asked.ways if (w.hospital, w.mode) == (one.hospital, one.mode)]
        only_full = [r.code for r in one.reasons if r.code in ("closed", "capability", "policy.no_flight")] == []
        if first is not None and len(others) == 1 and only_full:
            assert (first.hospital, first.mode) != (one.hospital, one.mode)


class TryingAll(_Search):
    """The search that tries every change of every hospital, and compares whole orders."""

    def _too_late(self, loser: Judged) -> bool:
        return False

    def _comes_before(self, first: tuple[Any, ...], one: Judged) -> Callable[[int], bool]:
        return lambda minutes: self._order_less(one, minutes) < first


@settings(max_examples=300)
@given(changing_worlds())
def test_what_is_left_untried_would_not_have_won(asked: World):
    ranking = rank(asked)
    losers = (*ranking.viable[1:], *ranking.barred)
    assert changes_for(asked, ranking, losers) == [TryingAll(asked, ranking).smallest(one) for one in losers]


@settings(max_examples=150)
@given(changing_worlds(), st.integers(1, 40))
def test_a_shorter_way_ranks_as_if_it_were_judged_anew(asked: World, least: int):
    ranking = rank(asked)
    for one in ranking.viable:
        most = int((one.way.eta_s or 0.0) // 60)
        if one.onward is not None or not most:
            continue
        way = structs.replace(one.way, terms_s=one.way.terms_s or {"on_scene": 60.0, "drive": one.eta_s - 60.0})
        change = Reason("change.eta_shorter", {"minutes": min(least, most)})
        again = ranking.room.judge(shortened(way, change))
        at = ranking.room.order_at(ranking.room.judge(way), *less_s(way, min(least, most) * 60))
        assert at == again.order
