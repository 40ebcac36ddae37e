"""Which casualties are a hospital's own: only those it was told of, or is to receive. Pure.

Every ask and every view of a ward goes through here, so that no board shows or touches another hospital's patient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from casebook.errors import NotFound
from casebook.newest import OfNewest
from casebook.picture import CasualtyState, Picture


def is_own(state: CasualtyState, hospital: str) -> bool:
    return _owner(state) == hospital


def _owner(state: CasualtyState) -> str | None:
    return state.prealert_hospital or state.hospital


def get_own_case(picture: Picture, casualty: str, hospital: str) -> CasualtyState:
    """The casualty. Raises NotFound for an unknown one and for another hospital's alike."""
    state = picture.casualties.get(casualty)
    if state is None or not is_own(state, hospital):
        raise NotFound(what="casualty", id=casualty)
    return state


def list_own_cases(picture: Picture, hospital: str) -> list[CasualtyState]:
    return list(_by_owner(picture.casualties).get(hospital, ()))


@OfNewest
def _by_owner(casualties: Mapping[str, CasualtyState]) -> Mapping[str | None, Sequence[CasualtyState]]:
    """hospital -> its own; a city's walls ask one after the other."""
    owned: dict[str | None, list[CasualtyState]] = {}
    for state in casualties.values():
        owned.setdefault(_owner(state), []).append(state)
    return owned
