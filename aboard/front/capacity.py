"""`aboard capacity import FILE`: take what another system counted, and give it to the hub; `--check` only reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
import typer

from aboard.front.language import spoken
from casebook.errors import CoordinationError, FeedLost, RefusedInput
from casebook.words import Language, say
from hospital_board.capacity_import import CapacityRow, read_capacity

ANSWER_S = 30.0
app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


class HubRefused(RefusedInput):
    """What the hub said, in the words in which it said it."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(str(told.get("error", "refused_input")))
        self._told = told

    def said(self, language: Language = "en") -> str:
        return str(self._told.get(language) or CoordinationError(self.key).said(language))


@app.callback()
def capacity() -> None:
    """Words about capacity."""


@app.command("import")
def take(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    hub: Annotated[str, typer.Option(envvar="ABOARD_HUB_URL", metavar="URL")] = "http://127.0.0.1:8300",
    token: Annotated[str, typer.Option(envvar="ABOARD_TOKEN", metavar="TOKEN", show_default=False)] = "",
    source: Annotated[str, typer.Option("--source", metavar="NAME")] = "import",
    check: Annotated[bool, typer.Option("--check")] = False,
) -> None:
    """Read a CSV or JSON file of counts and report it to a hub."""
    rows = read_file(file)
    if check:
        typer.echo(say("front.capacity.whole", spoken(), rows=len(rows), file=file.name))
        return
    if not token:
        raise RefusedInput("import_needs_token")
    facts = send(rows, hub, token, source)
    typer.echo(say("front.capacity.taken", spoken(), rows=len(rows), facts=facts))


def read_file(file: Path) -> tuple[CapacityRow, ...]:
    """Raises RefusedInput naming the file, the line and what is wrong with it."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as failure:
        raise RefusedInput("file_unreadable", file=str(file), why=failure.strerror or failure) from failure
    except UnicodeDecodeError as failure:
        line = failure.object.count(b"\n", 0, failure.start) + 1
        raise RefusedInput("csv_not_utf8", file=file.name, line=line) from failure
    return read_capacity(text, json_text=file.suffix.lower() == ".json")


def send(rows: tuple[CapacityRow, ...], hub: str, token: str, source: str) -> int:
    """How many of them were news to the hub. Raises HubRefused with the hub's own words, FeedLost."""
    body = msgspec.json.encode({"rows": rows, "source": source})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        answer = httpx.post(f"{hub.rstrip('/')}/api/v1/ask/import_capacity", content=body, headers=headers,
                            timeout=ANSWER_S)  # fmt: skip
        told = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as failure:
        raise FeedLost("hub_silent", url=hub, why=str(failure) or type(failure).__name__) from failure
    if answer.status_code != httpx.codes.OK:
        raise HubRefused(told)
    return len(told["entries"])
