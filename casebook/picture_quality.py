"""Say on which rung of the quality ladder a live picture is, why and since when, for every screen alike. Pure.

Choosing the rung is media's; telling it is the vehicle's; the words are the screens'.
"""

from __future__ import annotations

from typing import Any

from casebook.picture import Picture, UnitState

VIDEO = "video_"  # rungs of moving pictures are named video_<size>
LINK_DOWN = "link_down"


def quality_view(picture: Picture, unit: str | None) -> dict[str, Any] | None:
    """{rung, why, at} as the vehicle told it last, and `uplink`: {state, why} of the wish for a guaranteed one. None:
    nobody knows any of it; without `rung` that is unknown.

    A rung of moving pictures counts only while the hub receives them: without a stream the telling is out of date. Then
    `missing` says what is known instead: "yet" (no picture was ever sent), "now" (there was one). That the link is down
    cannot be told before it is up again: with a stream that is out of date, too.
    """
    state = picture.units.get(unit) if unit else None
    if state is None:
        return None
    uplink = {"uplink": told} if (told := uplink_view(state)) else {}
    quality, has_stream = state.quality, state.id in picture.streams
    if quality is not None and (quality.why != LINK_DOWN if has_stream else not quality.rung.startswith(VIDEO)):
        return {"rung": quality.rung, "why": quality.why, "at": state.quality_at} | uplink
    if has_stream:
        return uplink or None
    return {"missing": "yet" if quality is None else "now"} | uplink


def uplink_view(state: UnitState) -> dict[str, str] | None:
    """{state, why} of the wish for a guaranteed uplink; of one that is over nothing is said."""
    if state.uplink is None or state.uplink.state in ("given_back", "withdrawn"):
        return None
    return {"state": state.uplink.state} | ({"why": state.uplink.why} if state.uplink.why else {})
