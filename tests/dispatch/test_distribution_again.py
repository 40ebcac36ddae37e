"""When something changes the plan is made again with as few changes of mind as possible, and nobody is lost."""

from __future__ import annotations

from typing import Any

from distribution_stage import calm_policy, case, casualty, exact_rules, hospital, read

from dispatch.distribution.answer import Answer
from dispatch.distribution.sharing import distribute

EXACT, CALM = exact_rules(), calm_policy()


def solved(values: dict[str, Any]) -> Answer:
    answer = distribute(read(values), EXACT, CALM)
    assert answer.totals.tags
    return answer


def four_over_three() -> dict[str, Any]:
    who = [casualty(f"T{n}") for n in range(4)]
    places = [hospital("a", resus=2), hospital("b", resus=4, first_wave={"red": 4}), hospital("c", resus=2)]
    vehicles = [{"id": f"A{n}"} for n in range(4)]
    return case(who, places, vehicles, {"a": 10, "b": 11, "c": 20}, {one["id"]: 1 for one in vehicles})


def planned(answer: Answer) -> dict[str, str]:
    return {row.casualty: row.hospital for row in answer.rows}


def test_a_plan_made_again_with_nothing_changed_moves_nobody() -> None:
    values = four_over_three()
    first = planned(solved(values))
    again = solved(values | {"before": first})
    assert again.redirections == 0
    assert planned(again) == first


def test_a_small_gain_moves_nobody_and_a_closed_hospital_moves_its_own_only() -> None:
    values = four_over_three()
    first = planned(solved(values))
    values["travel"]["to_hospital_min"]["scene"] = {"a": 11, "b": 10, "c": 10}
    assert solved(values | {"before": first}).redirections == 0
    values["hospitals"][0]["closed"] = [{"reason": "fire"}]
    again = solved(values | {"before": first})
    was_at_a = {who for who, where in first.items() if where == "a"}
    assert {row.casualty for row in again.rows if row.redirected} == was_at_a
    assert "a" not in planned(again).values()


def under_way(values: dict[str, Any]) -> dict[str, Any]:
    """T0 left for a with A0 and is six minutes from it."""
    values["under_way"] = [{"casualty": "T0", "vehicle": "A0", "hospital": "a", "arrives_min": 6}]
    values["travel"]["to_hospital_min"]["A0"] = {"a": 6, "b": 9, "c": 15}
    return values


def test_who_is_under_way_stays_even_where_another_hospital_is_nearer_now() -> None:
    values = under_way(four_over_three())
    values["travel"]["to_hospital_min"]["A0"]["b"] = 1
    answer = solved(values)
    (row,) = [row for row in answer.rows if row.under_way]
    assert (row.casualty, row.hospital, row.arrives_min, row.trip) == ("T0", "a", 6, 0)
    assert answer.totals.under_way == 1


def test_the_bay_of_who_is_under_way_is_not_given_to_another() -> None:
    values = under_way(four_over_three())
    values["hospitals"][0]["places"]["resus_bay"]["free"] = 1
    assert [who for who, where in planned(solved(values)).items() if where == "a"] == ["T0"]


def test_who_is_under_way_to_a_hospital_that_closes_goes_on_from_the_road() -> None:
    values = under_way(four_over_three())
    values["hospitals"][0]["closed"] = [{"reason": "fire"}]
    answer = solved(values)
    (row,) = [row for row in answer.rows if row.casualty == "T0"]
    assert (row.hospital, row.vehicle, row.arrives_min, row.redirected) == ("b", "A0", 9, True)
    assert row.loads_min == row.leaves_min == 0
    assert answer.redirections == 1


def test_a_vehicle_under_way_comes_back_for_another() -> None:
    values = under_way(four_over_three())
    values["vehicles"] = [{"id": "A0"}]
    values["travel"]["to_scene_min"] = {"A0": {"scene": 1}}
    answer = solved(values)
    first = min(row.loads_min for row in answer.rows if row.trip == 1)
    assert first == 6 + EXACT.vehicles["ambulance"].turnaround_min + 10


def test_a_lost_bay_moves_the_one_who_arrives_last() -> None:
    values = under_way(four_over_three())
    values["under_way"].append({"casualty": "T1", "vehicle": "A1", "hospital": "a", "arrives_min": 3})
    values["travel"]["to_hospital_min"]["A1"] = {"a": 3, "b": 9, "c": 15}
    values["hospitals"][0]["places"]["resus_bay"]["free"] = 1
    answer = solved(values)
    where = planned(answer)
    assert where["T1"] == "a"
    assert where["T0"] == "b"


def test_a_broken_ambulance_and_new_casualties_leave_the_others_where_they_were() -> None:
    values = four_over_three()
    first = planned(solved(values))
    values["vehicles"] = values["vehicles"][:3]
    del values["travel"]["to_scene_min"]["A3"]
    values["casualties"].append(casualty("T9", "yellow"))
    again = solved(values | {"before": first})
    assert again.totals.casualties == 5
    assert again.redirections == 0
