"""Say on which rung of the quality ladder a live picture is, why and since when, for every screen alike. Pure.

Choosing the rung is media's; telling it is the vehicle's; the words are the screens'.
"""

from __future__ import annotations

from typing import Any

from casebook.picture import Picture

VIDEO = "video_"  # rungs of moving pictures are named video_<size>


def quality_view(picture: Picture, unit: str | None) -> dict[str, Any] | None:
    """{rung, why, at} as the vehicle told it last; None: nobody knows.

    A rung of moving pictures counts only while the hub receives them: without a stream the telling is out of date.
    """
    state = picture.units.get(unit) if unit else None
    if state is None or state.quality is None:
        return None
    if state.quality.rung.startswith(VIDEO) and state.id not in picture.streams:
        return None
    return {"rung": state.quality.rung, "why": state.quality.why, "at": state.quality_at}
