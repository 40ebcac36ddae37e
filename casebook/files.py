"""Tell which files came with a casualty, for every screen alike. Pure. The files are media's (`media.bulk`)."""

from __future__ import annotations

from typing import Any

from casebook.picture import CasualtyState


def files_view(state: CasualtyState) -> dict[str, Any] | None:
    """{sha256: {kind, media_type, bytes, unit, taken_at, at}}; None: there are none."""
    return {
        sha256: {
            "kind": told.kind, "media_type": told.media_type, "bytes": told.bytes, "unit": told.unit,
            "taken_at": told.taken_at, "at": at,
        }
        for sha256, (at, told) in state.files.items()
    } or None  # fmt: skip
