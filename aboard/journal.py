"""What a process tells its operators on standard error: a line for each happening, without anybody's identity.

In production a line is one JSON object: `at`, `level`, `where` (the module), `said`, and with an error its `kind`,
`key` and `path` (file, line and function, innermost last). What an error quotes is left out: it may be what somebody
typed about a patient. Tokens, telephone and identity numbers are masked wherever they come from. Who did what is in
the book, not here.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

from casebook.errors import CoordinationError, RefusedInput

FORMS, LEVELS = ("json", "text"), ("debug", "info", "warning", "error")
FRAMES = 12  # of an error's path, innermost
LENGTH = 2000  # characters of one saying
MASKED = "***"
SECRETS = re.compile(
    r"(?i:bearer\s+)\S+"  # a token on its way
    r"|(?<=[#?&=])[A-Za-z0-9_-]{24,}"  # in the fragment or the query of a link
    r"|(?<=://)[^/@\s]+(?=@)"  # user and password of a server's address
    r"|(?<![\w.])\+?\d(?:[ -]?\d){10,17}[Xx]?(?![\w.])"  # telephone or identity number
)


def begin(settings: Mapping[str, str] = os.environ, out: TextIO | None = None) -> None:
    """From now on, for the whole process. `ABOARD_LOG` and `ABOARD_LOG_LEVEL`: docs/settings.md.

    Raises RefusedInput for a form or level that there is not.
    """
    stream: TextIO = sys.stderr if out is None else out
    form = settings.get("ABOARD_LOG") or ("text" if stream.isatty() else "json")
    level = settings.get("ABOARD_LOG_LEVEL") or "info"
    for name, given, known in (("ABOARD_LOG", form, FORMS), ("ABOARD_LOG_LEVEL", level, LEVELS)):
        if given not in known:
            raise RefusedInput("bad_field", where="environment", field=name, why=f"{given}: not {' | '.join(known)}")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("aioice", "aiortc", "asyncio", "websockets", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "where": record.name,
            "said": said(record),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            told["error"] = {**kind_of(error), "path": path_of(error)}
        return msgspec.json.encode(told).decode()


class TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{_at(record)} {record.levelname.lower()} {record.name}: {said(record)}"]
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            lines += [f"  {' '.join(kind_of(error).values())}", *(f"    {place}" for place in path_of(error))]
        return "\n".join(lines)


def said(record: logging.LogRecord) -> str:
    """The saying with its facts; of an error among them only what kind it is."""
    args: Any = record.args
    if isinstance(args, tuple):
        args = tuple(" ".join(kind_of(one).values()) if isinstance(one, BaseException) else one for one in args)
    try:
        text = str(record.msg) % args if args else str(record.msg)
    except (TypeError, ValueError):  # a library's saying with the wrong facts
        text = str(record.msg)
    return SECRETS.sub(MASKED, text[:LENGTH])


def kind_of(error: BaseException) -> dict[str, str]:
    """`kind`, and of an error of ours its `key`, which the catalogues explain."""
    kind = {"kind": type(error).__name__}
    return kind | {"key": error.key} if isinstance(error, CoordinationError) else kind


def path_of(error: BaseException) -> list[str]:
    """Where it came from, without the values: file:line function, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
