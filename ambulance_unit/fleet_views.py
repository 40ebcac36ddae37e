"""The views of all vehicles of one hub: what they share is made once, and a view only when what it is made of changed.

A thousand vehicles look at the same hospitals, and of a thousand samples a second none changes what another vehicle is
told. The picture's states are never changed in place, so "the same objects as before" means "the same view".
What a view says is told.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ambulance_unit.told import concerns, find_partners, own_view, shared_view
from casebook.live import PlainView, plain, same
from casebook.picture import CasualtyState, Hold, MessageState, Picture, UnitState

# What streams in without changing a vehicle's own view: its place and picture, its casualty's samples.
STREAMED = frozenset({"position", "position_at", "quality", "quality_at", "trend"})


class FleetViews:
    """Give `look` and `made_of` of one vehicle to its feed (casebook/live.py)."""

    def __init__(self) -> None:
        self._shared = PlainView()
        self._shared_of: tuple[Any, ...] = ()
        self._again_at: datetime | None = None  # when time alone changes what is shared
        self._index = _Index(Picture())

    def look(self, picture: Picture, unit: str, now: datetime) -> PlainView:
        """What `told.unit_view` gives, without the unknown."""
        return PlainView(self._share(picture, now) | plain(own_view(picture, unit, now)))

    def made_of(self, picture: Picture, unit: str, now: datetime) -> tuple[Any, ...]:
        """While these are the same objects, `look` gives the same view."""
        shared, state = self._share(picture, now), picture.units.get(unit)
        if state is None:
            return (shared,)
        if state.incident is None:
            return (shared, *_lasting(state))
        if not self._index.is_of(picture):
            self._index = _Index(picture)
        index = self._index
        concerned = [one for one in index.casualties.get(state.incident, ()) if concerns(picture, one, state)]
        own = (part for one in concerned for part in (*_lasting(one), *index.beside(one.id, now)))
        partners = find_partners(picture, state, concerned)
        return (shared, *_lasting(state), picture.incidents[state.incident], *own, *partners)

    def _share(self, picture: Picture, now: datetime) -> PlainView:
        made_of = (picture.hospitals, picture.holds, picture.roads, picture.drill)
        over = self._again_at is not None and now >= self._again_at
        if over or not same(made_of, self._shared_of):
            self._shared = kept(self._shared, plain(shared_view(picture, now)))
            self._shared_of, self._again_at = made_of, next_end(picture, now)
        return self._shared


class _Index:
    """Of one picture: what belongs to an incident or a casualty, so that nobody goes through all of them."""

    def __init__(self, picture: Picture) -> None:
        self._of = (picture.casualties, picture.holds, picture.messages)
        self.casualties: dict[str, list[CasualtyState]] = {}
        for one in picture.casualties.values():
            self.casualties.setdefault(one.incident, []).append(one)
        self._holds: dict[str, Hold] = {}
        for hold in picture.holds.values():
            self._holds.setdefault(hold.casualty, hold)
        self._messages: dict[str, list[MessageState]] = {}
        for message in picture.messages.values():
            self._messages.setdefault(message.casualty, []).append(message)

    def is_of(self, picture: Picture) -> bool:
        return same(self._of, (picture.casualties, picture.holds, picture.messages))

    def beside(self, casualty: str, now: datetime) -> Iterable[Any]:
        """The hold that is in force at `now` (or None), and the messages."""
        hold = self._holds.get(casualty)
        return (hold if hold and hold.until > now else None, *self._messages.get(casualty, ()))


def kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> PlainView:
    """`new`, with the old object wherever it says the same; the old one itself where all of it does."""
    if isinstance(old, PlainView) and old == new:
        return old
    return PlainView((name, _kept_value(old.get(name), value)) for name, value in new.items())


def _kept_value(before: Any, value: Any) -> Any:
    if before == value:
        return before
    return kept(before, value) if isinstance(before, dict) and isinstance(value, dict) else value


def next_end(picture: Picture, now: datetime) -> datetime | None:
    """The next instant at which a hold, a closure or a closed road runs out by itself."""
    ends = [hold.until for hold in picture.holds.values()]
    ends += [one.until for hospital in picture.hospitals.values() for one in hospital.closures.values() if one.until]
    ends += [road.until for road in picture.roads.values() if road.until]
    return min((end for end in ends if end > now), default=None)


def _lasting(state: UnitState | CasualtyState) -> Iterable[Any]:
    return (value for name, value in state.__dict__.items() if name not in STREAMED)
