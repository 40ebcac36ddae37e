"""What the doctor says of the bus between hubs."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from aboard.front.doctor import line
from aboard.front.doctor_bus import check_bus
from casebook.bus.embedded import EmbeddedValkey
from casebook.words import LANGUAGES


def told(setting: str, *, shared: bool = True) -> tuple[str, str]:
    finding = check_bus(setting, shared=shared)
    assert "?" not in line(finding), "a fact that the sentence needs was not given"
    return finding.state, finding.key


@pytest.mark.parametrize("language", LANGUAGES)
def test_which_bus_it_is_is_said_in_both_languages(language: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ABOARD_LANG", language)
    assert told("", shared=False) == ("ok", "bus.none")
    assert told("") == ("ok", "bus.embedded")
    assert told("smoke signals") == ("fail", "bus.unknown")
    assert told("unix:///nowhere/valkey.sock") == ("warn", "bus.down")


def test_a_server_that_carries_what_is_told_is_well():
    with tempfile.TemporaryDirectory(prefix="bus-") as name, asyncio.Runner() as runner:
        valkey = EmbeddedValkey(Path(name) / "server")
        runner.run(valkey.ensure())
        try:
            assert told(f"unix://{valkey.socket}") == ("ok", "bus.up")
        finally:
            runner.run(valkey.end())
