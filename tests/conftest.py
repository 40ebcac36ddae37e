"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from postgres_server import postgres_url as postgres_url

# The same examples at every run, and no verdict by the wall clock of a busy machine.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

REPO = Path(__file__).resolve().parent.parent


def find_shared_data() -> Path | None:
    """The folder of sample data (real roads, vitals, video), or None. `ABOARD_SHARED_DATA` names it elsewhere."""
    folder = Path(os.environ.get("ABOARD_SHARED_DATA", REPO.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the sample data folder is not there (set ABOARD_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def vectors(shared_data: Path) -> Path:
    """The folder of clinical cases with answers."""
    folder = shared_data.parent / "reference" / "vectors"
    if not folder.is_dir():
        pytest.skip("the clinical vectors folder is not there (set ABOARD_SHARED_DATA)")
    return folder
