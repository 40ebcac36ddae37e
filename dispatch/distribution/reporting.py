"""Tell a plan as people read it: a row per casualty, who is left and why, sums that add up, triage judged. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from casebook.events import Reason
from dispatch.distribution.answer import NotTaken, Outcome, Row, Share, Totals, TriageQuality
from dispatch.distribution.ask import Casualty
from dispatch.distribution.building import Builder, Plan
from dispatch.distribution.naming import named
from dispatch.distribution.problem import NO_WAY, Fixed, Group, Problem
from dispatch.policy import NO_CATEGORY

SEVERE_ISS = 16  # major trauma; source: ACS-COT field triage performance, as in the reference of triage quality
NOWHERE = "-"


def rows_of(builder: Builder, plan: Plan) -> tuple[Row, ...]:
    """Everybody with a hospital, by when they leave; those under way first."""
    problem = builder.problem
    rows = [_under_way(problem, one) for one in problem.fixed]
    for one in named(problem, plan):
        trip, group = one.trip, problem.groups[one.trip.group]
        hospital = problem.hospitals[trip.hospital]
        kind = problem.kinds[trip.kind]
        care = max(trip.arrives_min, trip.place_min) + int(builder.delay[trip.group, trip.hospital])
        leaves = trip.starts_min + int(kind.load_min[trip.scene])
        told = _told(problem, hospital, group.resource)
        for id in one.casualties:
            before = problem.ask.before.get(id) or _was_going_to(problem, id)
            rows.append(
                _row(
                    problem, id, group.category, one.vehicle, one.number, problem.scenes[trip.scene], trip.starts_min,
                    leaves, hospital, trip.arrives_min, care, told, kind.mode, _survival(problem, group, care),
                    redirected=before is not None and before != hospital,
                )
            )  # fmt: skip
    return tuple(
        sorted(rows, key=lambda row: (not row.under_way, row.leaves_min, row.arrives_min, row.vehicle, row.casualty))
    )


def _row(
    problem: Problem, id: str, category: str, vehicle: str, number: int, scene: str, loads: int, leaves: int,
    hospital: str, arrives: int, care: int, place: str, mode: str, survival: float, *, under_way: bool = False,
    redirected: bool = False,
) -> Row:  # fmt: skip
    at = problem.ask.at
    return Row(
        casualty=id, category=category, vehicle=vehicle, trip=number, scene=scene, loads_min=loads, leaves_min=leaves,
        hospital=hospital, arrives_min=arrives, care_min=care, survival=round(survival, 6),
        leaves_at=at + timedelta(minutes=leaves), arrives_at=at + timedelta(minutes=arrives),
        care_at=at + timedelta(minutes=care), place=place, mode=mode, under_way=under_way, redirected=redirected,
    )  # fmt: skip


def _under_way(problem: Problem, one: Fixed) -> Row:
    category = one.casualty.category or NO_CATEGORY
    survival = problem.rules.survival_at(category, one.casualty.rpm, problem.since_min + one.care_min)
    return _row(
        problem, one.casualty.id, category, one.vehicle, 0, one.casualty.scene, 0, 0, one.hospital, one.arrives_min,
        one.care_min, _told(problem, one.hospital, one.resource), "under_way", survival, under_way=True,
    )  # fmt: skip


def _told(problem: Problem, hospital: str, resource: str) -> str:
    if not resource:
        return "none"
    return "standing" if (hospital, resource) in problem.standing else "known"


def _was_going_to(problem: Problem, casualty: str) -> str | None:
    return next((one.hospital for one in problem.ask.under_way if one.casualty == casualty), None)


def _survival(problem: Problem, group: Group, minute: int) -> float:
    return problem.rules.survival_at(group.category, group.rpm, problem.since_min + minute)


# --- those without a hospital


def not_taken_of(builder: Builder, plan: Plan) -> tuple[NotTaken, ...]:
    """In the order of their tags within a group; why is the same for the whole group."""
    problem, taken = builder.problem, Counter[int]()
    for trip in plan.trips:
        taken[trip.group] += trip.count
    left: list[NotTaken] = []
    for g, group in enumerate(problem.groups):
        untaken = _survival(problem, group, problem.rules.horizon.untaken_min)
        near = _by_distance(problem, g)
        for id in group.ids[taken[g] :]:
            left.append(
                NotTaken(
                    casualty=id, category=group.category, reason=why_not(problem, g), survival=round(untaken, 6),
                    stabilise_at=next((h for h in near if _only_lacks(group, h)), None), ask=_to_ask(group, near),
                )
            )  # fmt: skip
    return tuple(left)


def why_not(problem: Problem, g: int) -> Reason:
    """The first thing in the way: capability, road, vehicle, place, time."""
    group = problem.groups[g]
    if not group.allowed.any():
        return Reason("distribution.no_capable", {"needs": list(group.needs)})
    usable = [k for k, kind in enumerate(problem.kinds) if kind.takes[g] > 0]
    came = [
        k
        for k in usable
        if any(problem.kind_of[v] == k and row[group.scene] != NO_WAY for v, row in enumerate(problem.starts))
    ]
    if not came:
        return Reason("distribution.no_vehicle", {"category": group.category})
    reached = [h for h in range(len(problem.hospitals)) if group.allowed[h]
               and any(problem.kinds[k].out_min[group.scene, h] != NO_WAY for k in came)]  # fmt: skip
    if not reached:
        return Reason("distribution.no_road", {})
    if group.resource:
        places = sum(len(problem.slots.get((h, group.resource), ())) for h in reached)
        wanted = sum(one.count for one in problem.groups if one.resource == group.resource)
        if places < wanted:
            facts = {"resource": group.resource, "places": places, "wanted": wanted}
            return Reason("distribution.no_place", facts)
    return Reason("distribution.too_late", {"minutes": problem.horizon_min})


def _by_distance(problem: Problem, g: int) -> list[str]:
    """Hospitals by road or air from the group's scene, nearest first."""
    scene, found = problem.groups[g].scene, dict[str, int]()
    for kind in problem.kinds:
        for h, id in enumerate(problem.hospitals):
            minutes = int(kind.out_min[scene, h])
            if minutes != NO_WAY:
                found[id] = min(minutes, found.get(id, minutes))
    return sorted(found, key=lambda id: (found[id], id))


def _only_lacks(group: Group, hospital: str) -> bool:
    return {reason.code for reason in group.barred.get(hospital, ())} <= {"capability"}


def _to_ask(group: Group, near: Sequence[str]) -> tuple[str, ...]:
    """Closed or unwilling hospitals that have what is needed, and those that are able but full."""
    return tuple(h for h in near if {reason.code for reason in group.barred.get(h, ())} <= {"closed", "refused"})


# --- sums


def outcome_of(builder: Builder, plan: Plan) -> Outcome:
    """What a plan comes to; those under way count as they are, whatever the rule."""
    problem, rules = builder.problem, builder.problem.rules
    died, minutes, red, loss = 0.0, list[int](), list[int](), plan.cost
    for one in problem.fixed:
        category = one.casualty.category or NO_CATEGORY
        lost = 1 - rules.survival_at(category, one.casualty.rpm, problem.since_min + one.care_min)
        died, loss = died + lost, loss + lost + rules.minute_cost.deaths * one.care_min
        minutes.append(one.care_min)
        red += [one.care_min] if category == "red" else []
    left = builder.count.copy()
    for trip in plan.trips:
        group = problem.groups[trip.group]
        care = max(trip.arrives_min, trip.place_min) + int(builder.delay[trip.group, trip.hospital])
        died += trip.count * (1 - _survival(problem, group, care))
        minutes += [care] * trip.count
        red += [care] * trip.count if group.category == "red" else []
        left[trip.group] -= trip.count
    for g, group in enumerate(problem.groups):
        died += int(left[g]) * (1 - _survival(problem, group, rules.horizon.untaken_min))
    return Outcome(
        loss=round(loss, 6), deaths=round(died, 6), taken=len(minutes), not_taken=int(left.sum()),
        mean_care_min=_mean(minutes), red_care_min=_mean(red),
    )  # fmt: skip


def _mean(minutes: Sequence[int]) -> float | None:
    return round(sum(minutes) / len(minutes), 2) if minutes else None


def summary_of(problem: Problem, rows: Iterable[Row], left: Iterable[NotTaken]) -> dict[str, dict[str, int]]:
    """Hospital -> category -> casualties; those without one under "-", those not carried with them."""
    table: dict[str, Counter[str]] = {}
    for row in rows:
        table.setdefault(row.hospital, Counter())[row.category] += 1
    for one in left:
        table.setdefault(NOWHERE, Counter())[one.category] += 1
    for casualty, _ in problem.left:
        table.setdefault(NOWHERE, Counter())[casualty.category or NO_CATEGORY] += 1
    return {hospital: dict(sorted(counts.items())) for hospital, counts in sorted(table.items())}


def totals_of(problem: Problem, rows: Sequence[Row], left: Sequence[NotTaken]) -> Totals:
    """Counted from the rows, and checked tag by tag against the casualties that were handed in."""
    tags = [row.casualty for row in rows] + [one.casualty for one in left] + [one.id for one, _ in problem.left]
    under_way = sum(row.under_way for row in rows)
    return Totals(
        casualties=len(problem.ask.casualties), planned=len(rows) - under_way, under_way=under_way, not_taken=len(left),
        not_carried=len(problem.left), tags=sorted(tags) == sorted(one.id for one in problem.ask.casualties),
    )  # fmt: skip


def triage_of(problem: Problem, rows: Iterable[Row]) -> TriageQuality:
    """Over- and under-triage of the destinations, with what each is counted of."""
    casualties: dict[str, Casualty] = {one.id: one for one in problem.ask.casualties}
    centres = {one.id for one in problem.ask.hospitals if "trauma_centre" in one.capabilities}
    placed = [(casualties[row.casualty].iss, row.hospital in centres) for row in rows]
    known = [(iss >= SEVERE_ISS, centre) for iss, centre in placed if iss is not None]
    severe, minor = [c for s, c in known if s], [c for s, c in known if not s]
    to_centre = [s for s, c in known if c]
    return TriageQuality(
        known=len(known), unknown=len(placed) - len(known),
        under=_share(sum(not centre for centre in severe), len(severe), "severe"),
        over=_share(sum(not one for one in to_centre), len(to_centre), "to_trauma_centre"),
        over_of_minor=_share(sum(minor), len(minor), "not_severe"),
    )  # fmt: skip


def _share(count: int, of: int, among: str) -> Share:
    return Share(count=count, of=of, among=among, share=round(count / of, 4) if of else None)
