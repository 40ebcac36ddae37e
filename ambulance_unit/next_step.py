"""What the crew does next: the one big button of the tablet. Pure, on the view with the crew's own facts over it.

Proposes only; every other step stays open on the screen. `do` names an ask of `crew`, or a sheet of the tablet (`find`,
`triage`, `handover`); `with` is its command. `wait` instead says whom the crew waits for.
"""

from __future__ import annotations

from typing import Any

from ambulance_unit.mission import View, bound_for, leg_is_ahead
from casebook.casualty import Stage
from casebook.steps import Duty

_WORST_FIRST = ("red", "yellow", "green", "grey", "black")


def next_step(view: View) -> dict[str, Any]:
    """{"do": name, "with": command} or {"wait": name}; words are ``unit.do.<name>`` and ``unit.wait.<name>``."""
    unit = view.get("unit")
    if not unit or "incident" not in view:
        return {"wait": "mission"}
    match Duty(unit["duty"]):
        case Duty.ASSIGNED:
            return _do("acknowledge")
        case Duty.ACKNOWLEDGED:
            return _do("en_route")
        case Duty.EN_ROUTE:
            return _do("at_landing_site" if bound_for(view) == "landing_site" else "on_scene")
        case Duty.ON_SCENE | Duty.AT_PATIENT:
            return _at_scene(view)
        case Duty.TRANSPORTING:
            return _under_way(view)
        case Duty.AT_LANDING_SITE:
            return _at_landing_site(view)
        case Duty.AT_DESTINATION:
            return _at_hospital(view)
    return {"wait": "mission"}


def _do(name: str, **command: Any) -> dict[str, Any]:
    return {"do": name, "with": command}


def _at_scene(view: View) -> dict[str, Any]:
    """Find, reach and triage everyone, then ask where the worst goes, take them in, and leave."""
    casualties = list(view.get("casualties", {}).values())
    if not casualties:
        return _do("find")
    if view["unit"]["duty"] == Duty.ON_SCENE:
        return _do("at_patient", casualty=casualties[0]["id"])
    untagged = next((one for one in casualties if one["stage"] == Stage.FOUND), None)
    if untagged is not None:
        return _do("triage", casualty=untagged["id"])
    aboard = _aboard(view)
    unasked = next((one for one in aboard if _unasked(one)), None)
    if unasked is not None:
        return _do("request_destination", casualty=unasked["id"])
    if aboard:
        flies = view["unit"]["kind"] == "helicopter"
        return _do("left_scene") if leg_is_ahead(view) or not flies else {"wait": "route"}
    worst = min(casualties, key=lambda one: (_WORST_FIRST.index(one.get("category", "black")), one["id"]))
    if _unasked(worst):
        return _do("request_destination", casualty=worst["id"])
    if _is_hoisted(worst) and view["unit"]["kind"] != "helicopter":
        return {"wait": "helicopter"}
    return _do("board", casualty=worst["id"])


def _under_way(view: View) -> dict[str, Any]:
    unasked = next((one for one in _aboard(view) if _unasked(one)), None)
    if unasked is not None:
        return _do("request_destination", casualty=unasked["id"])
    if not any("destination" in one for one in _aboard(view)):
        return {"wait": "destination"}
    return _do("at_landing_site" if bound_for(view) == "landing_site" else "at_destination")


def _at_landing_site(view: View) -> dict[str, Any]:
    """The ambulance gives, the aircraft takes and lifts once it knows where to."""
    unit, aboard = view["unit"], _aboard(view)
    if unit["kind"] == "helicopter":
        if not aboard:
            return {"wait": "ambulance"}
        return _do("left_scene") if leg_is_ahead(view) else {"wait": "route"}
    if not aboard:
        return _do("back_in_service")
    there = [
        id for id, partner in view.get("partners", {}).items()
        if partner["kind"] == "helicopter" and partner["duty"] == Duty.AT_LANDING_SITE
    ]  # fmt: skip
    return _do("transfer", casualty=aboard[0]["id"], to_unit=there[0]) if there else {"wait": "helicopter"}


def _at_hospital(view: View) -> dict[str, Any]:
    for one in _aboard(view):
        match Stage(one["stage"]):
            case Stage.ABOARD:
                return _do("arrived", casualty=one["id"])
            case Stage.ARRIVED:
                return _do("handover", casualty=one["id"])
            case Stage.HANDING_OVER if "crew" not in one.get("signatures", {}):
                return _do("handover", casualty=one["id"])
            case Stage.HANDING_OVER:
                return {"wait": "signature"}
    return _do("back_in_service")


def _is_hoisted(one: View) -> bool:
    """Whether an aircraft lifts them from where they lie, and nobody is to load them before."""
    return "hoist" in one.get("destination", {}).get("terms_s", ())


def _aboard(view: View) -> list[View]:
    casualties = view.get("casualties", {})
    return [casualties[id] for id in view["unit"].get("aboard", ()) if id in casualties]


def _unasked(one: View) -> bool:
    return not any(name in one for name in ("requested_at", "proposal", "destination", "stranded"))
