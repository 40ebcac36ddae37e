"""A real PostgreSQL for a test run: the one that `aboard bench decision` starts for itself."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from aboard.bench.postgres_server import find_postgres, running_postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A URL for asyncpg, of a server that lives as long as the test run."""
    programs = find_postgres()
    if programs is None:
        missing = "PostgreSQL is not installed (Debian package postgresql)"
        if os.environ.get("ABOARD_REQUIRE_POSTGRES"):
            pytest.fail(missing)
        pytest.skip(missing)
    with running_postgres(programs) as url:
        yield url
