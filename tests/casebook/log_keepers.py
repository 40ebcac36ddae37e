"""The three keepers of a book, each on a store of its own, for tests that hold them to the same promises."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from casebook.log import Log, MemoryLog
from casebook.store.opening import open_log

LASTING = ("sqlite", "postgres")
_numbers = itertools.count(1)


def on_server(url: str, *statements: str) -> list[Any]:
    """Run statements on the server; the rows of the last."""

    async def asked() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetch(one) for one in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(asked())


@contextmanager
def on_server_meanwhile(url: str, statement: str) -> Iterator[None]:
    """A connection that has run this statement stays open while the block runs."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute(statement))
        yield
        runner.run(connection.close())


def fresh_store(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """The name of an empty store: a file, or a schema of its own in the test run's PostgreSQL."""
    if kind == "sqlite":
        return str(folder / "log.db")
    url, schema = request.getfixturevalue("postgres_url"), f"book_{next(_numbers)}"
    on_server(url, f"CREATE SCHEMA {schema}")
    return f"{url}&search_path={schema}"


@pytest.fixture(params=LASTING)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_store(request.param, tmp_path, request)


@pytest.fixture
def postgres_store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_store("postgres", tmp_path, request)


@pytest.fixture
def opened() -> Iterator[Callable[..., Any]]:
    """`open_log`, and everything it opened is closed after the test."""
    logs = []

    def open_one(where: str, **how: Any) -> Any:
        logs.append(open_log(where, **how))
        return logs[-1]

    yield open_one
    for log in logs:
        log.close()


@pytest.fixture(params=("memory", *LASTING))
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    kept = MemoryLog() if request.param == "memory" else open_log(fresh_store(request.param, tmp_path, request))
    yield kept
    kept.close()
