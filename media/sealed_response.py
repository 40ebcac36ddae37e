"""Give a kept file over HTTP, whole or by one range, sealed on the disk or not: who asks never sees a difference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from media.sealed_file import DiskSeal, is_sealed

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def kept_response(
    seal: DiskSeal, file: Path, request: Request, *, media: str, name: str, headers: Mapping[str, str]
) -> Response:
    """As an attachment called `name`. Blocks shortly. Raises SealedElsewhere before anything is given."""
    if not is_sealed(file):
        return FileResponse(file, media_type=media, filename=name, headers=dict(headers))
    with seal.open(file) as opened:
        size = opened.seek(0, 2)
    told = dict(headers) | {"Accept-Ranges": "bytes", "Content-Disposition": _attachment(name)}
    span = span_of(request.headers.get("range", ""), size)
    begin, end = span or (0, size)
    if span and begin >= end:
        return Response(status_code=416, headers=told | {"Content-Range": f"bytes */{size}"})
    told["Content-Length"] = str(end - begin)
    if span:
        told["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    parts = seal.parts(file, begin, end)
    return StreamingResponse(parts, 206 if span else 200, headers=told, media_type=media)


def _attachment(name: str) -> str:
    """RFC 6266 section 4.1, as FileResponse has it."""
    quoted = quote(name)
    return f'attachment; filename="{name}"' if quoted == name else f"attachment; filename*=utf-8''{quoted}"


def span_of(asked: str, size: int) -> tuple[int, int] | None:
    """From where to before where, by a Range header (RFC 9110 section 14); twice the same: there is nothing to give.

    None: all of it, for no range, for several, and for what is none.
    """
    found = _RANGE.fullmatch(asked.strip())
    first, last = found.groups() if found else ("", "")
    if first:
        begin, end = int(first), int(last) + 1 if last else size
        return None if end <= begin < size else (min(begin, size), min(max(begin, end), size))
    return (max(0, size - int(last)), size) if last else None
