"""Single changes of the world of a decision: a bay freed, a road open again, minutes less. Pure.

A change is a Reason (`change.<kind>` with facts), so that it can be said and stored like any other reason. Which one a
loser would need is dispatch/counterfactual.py's.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from casebook.capacity import Figure
from casebook.errors import RefusedInput
from casebook.events import Reason
from casebook.picture import HospitalState
from dispatch.judging import Way
from dispatch.ranking import World
from dispatch.tenths import tenth

WHAT_IF = "what_if"  # author and source of a figure that nobody reported
MINUTE_S = 60
TIMED_TERMS = ("drive", "cruise")  # of which a shorter ETA takes its minutes, the longest first


def applied(world: World, change: Reason) -> World:
    """The world in which exactly this is different. Raises RefusedInput (`unknown_change`)."""
    for known, ways in world.what_ifs:
        if known == change:
            return replace(world, ways=ways)
    if change.code == "change.eta_shorter":
        ways = tuple(shortened(way, change) if _meant(way, change) else way for way in world.ways)
        return replace(world, ways=ways)
    id = str(change.facts.get("hospital"))
    if id not in world.hospitals:
        raise RefusedInput("unknown_change", code=change.code, facts=dict(change.facts))
    hospital = changed_hospital(world.hospitals[id], change, world)
    return replace(world, hospitals={**world.hospitals, id: hospital})


def changed_hospital(hospital: HospitalState, change: Reason, world: World) -> HospitalState:
    """The hospital in which exactly this is different. Raises RefusedInput (`unknown_change`)."""
    facts, resource = change.facts, str(change.facts.get("resource"))
    match change.code:
        case "change.bay_freed":
            figure = hospital.figures[resource]
            freed = replace(figure, free=(figure.free or 0) + 1, in_use=None, total=_at_least(figure))
            return replace(hospital, figures={**hospital.figures, resource: freed})
        case "change.figure_reported":
            was = hospital.figures.get(resource)
            total = max(was.total, facts["free"]) if was and was.total is not None else None
            figure = Figure(facts["free"], total, world.now, WHAT_IF, WHAT_IF)
            return replace(hospital, figures={**hospital.figures, resource: figure})
        case "change.reopened":
            closures = {name: one for name, one in hospital.closures.items() if name != resource}
            return replace(hospital, closures=closures)
        case "change.capability":
            return replace(hospital, capabilities=(*hospital.capabilities, facts["capability"]))
        case _:
            raise RefusedInput("unknown_change", code=change.code, facts=dict(facts))


def _at_least(figure: Figure) -> int | None:
    return None if figure.total is None else max(figure.total, (figure.free or 0) + 1)


def _meant(way: Way, change: Reason) -> bool:
    facts = change.facts
    return (way.hospital, way.mode) == (facts["hospital"], facts["mode"]) and way.rendezvous == facts.get("rendezvous")


def shortened(way: Way, change: Reason) -> Way:
    """The same way, so many minutes shorter; its range moves with it."""
    span_s = change.facts["minutes"] * MINUTE_S
    eta_s, _ = less_s(way, span_s)
    low_s, high_s = (None if one is None else max(0.0, one - span_s) for one in (way.eta_low_s, way.eta_high_s))
    return structs.replace(way, eta_s=eta_s, terms_s=_terms_left(way, span_s), eta_low_s=low_s, eta_high_s=high_s)


def less_s(way: Way, span_s: float) -> tuple[float, float]:
    """The time to the door, and that of the transport, of the same way so much shorter."""
    assert way.eta_s is not None
    eta_s, scene_s = tenth(max(0.0, way.eta_s - span_s)), way.terms_s.get("on_scene", 0.0)
    before_s = sum(s for name, s in way.terms_s.items() if _taken_as(name, s) < _taken_as("on_scene", scene_s))
    left_s = tenth(scene_s - min(scene_s, max(0.0, span_s - before_s)))
    return eta_s, eta_s - left_s


def _taken_as(name: str, term_s: float) -> tuple[bool, float, str]:
    """In which order terms are made shorter."""
    return name not in TIMED_TERMS, -term_s, name


def _terms_left(way: Way, span_s: float) -> dict[str, float]:
    terms_s = dict(way.terms_s)
    for name in sorted(terms_s, key=lambda name: _taken_as(name, terms_s[name])):
        taken_s = min(span_s, terms_s[name])
        terms_s[name], span_s = tenth(terms_s[name] - taken_s), span_s - taken_s
    return terms_s
