"""The hub's HTTP side of recordings: which files there are, and each of them, for those whom the case concerns.

Who is given a file of pictures or speech is told to `watched` before the first byte goes out. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from casebook.errors import NotFound
from casebook.recording_state import RecordingState
from casebook.recordings import hold_view
from media.recordings import TYPES, Recordings
from media.sealed_response import kept_response

PREFIX = "/api/v1/recordings"

Find = Callable[[Request, str], RecordingState]  # raises NotAllowed, NotFound
Every = Callable[[Request], Sequence[RecordingState]]  # raises NotAllowed
Watched = Callable[[Request, RecordingState, str], Awaitable[object]]


def recording_router(recordings: Recordings, find: Find, every: Every, watched: Watched) -> APIRouter:
    """`every`: those that the asker may see, the newest first. Errors rise to the application, which answers them."""
    routes = APIRouter(prefix=PREFIX, tags=["recordings"])

    @routes.get("")
    async def list_all(request: Request) -> list[dict[str, Any]]:
        """{name, unit, casualty, at, until, held, deleted_at} of each."""
        return [
            {
                "name": one.started.recording, "unit": one.started.unit, "casualty": one.started.casualty,
                "at": one.at, "until": one.stopped_at, "held": one.held, "deleted_at": one.deleted_at,
            }
            for one in every(request)
        ]  # fmt: skip

    @routes.get("/{name}")
    async def look(name: str, request: Request) -> dict[str, Any]:
        """{name, unit, casualty, at, until, held, hold, deleted_at, files: [{file, bytes, frames, lasted_ms, skipped,
        torn, sha256}]}; files that lie at another hub have `here` false."""
        state = find(request, name)
        started, here = state.started, recordings.is_here(name)
        files = [
            {
                "file": kept.file, "bytes": kept.bytes, "frames": kept.frames, "lasted_ms": kept.lasted_ms,
                "skipped": kept.skipped, "torn": kept.torn, "sha256": kept.sha256,
            }
            for kept in state.files.values()
        ]  # fmt: skip
        return {
            "name": name, "unit": started.unit, "casualty": started.casualty, "at": state.at, "author": started.author,
            "until": state.stopped_at, "reason": started.reason, "consent": started.consent, "held": state.held,
            "hold": hold_view(state), "deleted_at": state.deleted_at, "here": here, "files": files,
        }  # fmt: skip

    @routes.get("/{name}/{file}")
    async def give(name: str, file: str, request: Request) -> Response:
        """One file, whole or by ranges; a recording that still runs has none yet."""
        state = find(request, name)
        if file not in state.files or state.deleted_at is not None:
            raise NotFound(what="recording", id=f"{name}/{file}"[:100])
        path = recordings.find(name, file)
        if path.suffix != ".jsonl":
            await watched(request, state, file)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
        media, called = TYPES[path.suffix], f"{name}.{file}"
        return await asyncio.to_thread(
            kept_response, recordings.seal, path, request, media=media, name=called, headers=headers
        )

    return routes
