"""Who is left and why, sums that add up, triage judged with its denominators, times by road."""

from __future__ import annotations

from typing import Any

import pytest
from distribution_stage import calm_policy, case, casualty, exact_rules, hospital, read
from valley import CITY, MILL, SCENE

from casebook.errors import RefusedInput
from casebook.place import Place
from dispatch.distribution.answer import Answer, NotTaken
from dispatch.distribution.sharing import distribute
from dispatch.distribution.travel import with_roads
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Closure, Stretch

EXACT, CALM = exact_rules(), calm_policy()


def solved(values: dict[str, Any]) -> Answer:
    answer = distribute(read(values), EXACT, CALM)
    assert answer.totals.tags
    return answer


def left(values: dict[str, Any]) -> NotTaken:
    (one,) = solved(values).not_taken
    return one


def one_red(**more: Any) -> dict[str, Any]:
    return case(
        [casualty("T1", **more)], [hospital("H1"), hospital("H2")], [{"id": "A1"}], {"H1": 10, "H2": 20}, {"A1": 2}
    )


def test_who_needs_what_nobody_has_is_told_with_the_nearest_that_stabilises() -> None:
    one = left(one_red(needs=["burns"]))
    assert (one.reason.code, one.reason.facts) == ("distribution.no_capable", {"needs": ["burns"]})
    assert one.stabilise_at == "H1"
    assert one.ask == ()


def test_a_closed_hospital_that_has_it_is_to_be_asked() -> None:
    values = one_red(needs=["burns"])
    values["hospitals"][1] |= {"capabilities": ["burns"], "closed": [{"reason": "power cut"}]}
    one = left(values)
    assert one.ask == ("H2",)
    assert one.stabilise_at == "H1"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: v["travel"].update(to_hospital_min={"scene": {"H1": None, "H2": None}}), "distribution.no_road"),
        (lambda v: v["travel"].update(to_scene_min={"A1": {"scene": None}}), "distribution.no_vehicle"),
        (lambda v: v.update(vehicles=[{"id": "A1", "kind": "bus"}]), "distribution.no_vehicle"),
        (lambda v: [one["places"]["resus_bay"].update(free=0) for one in v["hospitals"]], "distribution.no_place"),
        (lambda v: v["casualties"][0].update(boardable_min=1000), "distribution.too_late"),
    ],
)
def test_each_way_of_being_left_has_its_reason(change: Any, code: str) -> None:
    values = one_red()
    change(values)
    assert left(values).reason.code == code


def test_the_dead_are_counted_and_not_carried() -> None:
    values = one_red()
    values["casualties"].append(casualty("T2", "black"))
    answer = solved(values)
    assert answer.not_carried == ("T2",)
    assert answer.totals.not_carried == 1
    assert answer.summary["-"] == {"black": 1}


def test_a_case_without_casualties_has_an_empty_plan() -> None:
    answer = solved(case([], [hospital("H1")], [{"id": "A1"}], {}, {}))
    assert (answer.rows, answer.outcome.loss, answer.proof.proven) == ((), 0.0, True)


def test_an_arrest_goes_to_the_nearest_whatever_its_places() -> None:
    values = one_red(in_arrest=True, needs=["burns"])
    values["hospitals"][0]["places"]["resus_bay"]["free"] = 0
    (row,) = solved(values).rows
    assert (row.hospital, row.place) == ("H1", "none")


def test_a_helicopter_flies_red_only_and_to_helipads_only() -> None:
    values = one_red()
    values["casualties"].append(casualty("T2", "yellow"))
    values["vehicles"].append({"id": "C1", "kind": "helicopter"})
    values["travel"]["to_scene_min"]["C1"] = {"scene": 1}
    values["travel"]["to_hospital_min"]["scene"] = {"H1": None, "H2": 110}
    values["travel"]["flight_min"] = {"scene": {"H2": 12}}
    rows = {row.casualty: row for row in solved(values).rows}
    assert (rows["T1"].mode, rows["T1"].vehicle) == ("air", "C1")
    assert rows["T2"].mode == "road"


def test_triage_is_judged_against_known_iss_with_its_denominators() -> None:
    who = [casualty("T1", iss=25), casualty("T2", iss=4), casualty("T3", "green", iss=20),
           casualty("T4", "green", iss=1), casualty("T5", "green")]  # fmt: skip
    centre, plain = hospital("centre", resus=9, beds=0), hospital("plain", resus=0, beds=9)
    plain["capabilities"] = []
    vehicles = [{"id": f"A{n}"} for n in range(5)]
    values = case(who, [centre, plain], vehicles, {"centre": 10, "plain": 10}, {one["id"]: 1 for one in vehicles})
    judged = solved(values).triage
    assert (judged.known, judged.unknown) == (4, 1)
    assert (judged.under.count, judged.under.of, judged.under.share) == (1, 2, 0.5)
    assert (judged.over.count, judged.over.of) == (1, 2)
    assert (judged.over_of_minor.count, judged.over_of_minor.of) == (1, 2)


def spot(place: Place) -> dict[str, float]:
    return {"lat": place.lat, "lon": place.lon}


def in_the_valley() -> dict[str, Any]:
    values = one_red()
    values["scenes"] = {"scene": spot(SCENE)}
    values["hospitals"][0]["place"], values["hospitals"][1]["place"] = spot(CITY), spot(MILL)
    values["travel"] = {"to_scene_min": {"A1": {"scene": 3}}, "to_hospital_min": {"scene": {"H2": 99}}}
    return values


def test_times_that_the_case_lacks_come_from_the_roads(valley: Roadmap) -> None:
    filled = with_roads(read(in_the_valley()), valley).travel
    assert filled.to_scene_min == {"A1": {"scene": 3}}
    assert filled.to_hospital_min["scene"]["H2"] == 99
    assert 5 < (filled.to_hospital_min["scene"]["H1"] or 0) < 60
    assert set(filled.back_min) == {"H1", "H2"}


def test_a_closed_motorway_costs_what_the_old_road_costs(valley: Roadmap) -> None:
    ask = read(in_the_valley())
    closed = Closure("G1-east", Stretch(ref="G1", bearing_deg=90.0), "works", "police", since=ask.at)
    cases = [with_roads(ask, valley, traffic) for traffic in (FREE_FLOW, FREE_FLOW.with_closure(closed))]
    open_, shut = (distribute(one, EXACT, CALM) for one in cases)
    assert shut.rows[0].arrives_min > open_.rows[0].arrives_min
    assert shut.outcome.loss > open_.outcome.loss


def test_a_place_that_nobody_gave_is_asked_for_by_name(valley: Roadmap) -> None:
    values = one_red()
    values["travel"] = {}
    with pytest.raises(RefusedInput) as refused:
        with_roads(read(values), valley)
    assert (refused.value.key, refused.value.facts["id"]) == ("case_no_place", "A1")
