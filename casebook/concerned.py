"""Say whom a vehicle's patient concerns: who may see its picture and waves, and talk with its crew. Pure."""

from __future__ import annotations

from casebook.access import Badge, Role, need, need_unit
from casebook.errors import NotAllowed
from casebook.picture import Picture


def need_concerned(picture: Picture, badge: Badge, unit: str, what: str) -> None:
    """A ward is concerned with the vehicles bound for it, dispatch with all. Raises NotAllowed."""
    if badge.role is not Role.ED:
        need(badge, Role.DISPATCHER, what=what)
        return
    carried = picture.units.get(unit)
    wards = {picture.casualties[one].hospital for one in (carried.aboard if carried else ())}
    wards |= {one.hospital for one in picture.casualties.values() if one.unit == unit}
    if badge.hospital not in wards:
        raise NotAllowed("not_allowed", what=what, needs=f"{Role.ED} of the receiving hospital")


def need_talk(picture: Picture, badge: Badge, unit: str) -> None:
    """A crew talks about its own patients, everybody else about those that concern them. Raises NotAllowed."""
    if badge.role is Role.PARAMEDIC:
        need_unit(badge, unit, f"voice {unit}")
    else:
        need_concerned(picture, badge, unit, f"voice {unit}")
