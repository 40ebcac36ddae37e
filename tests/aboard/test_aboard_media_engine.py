"""Settings of the environment choose what carries the pictures; those that cannot work stop the hub at its start."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import Request

from aboard.media_engine import ice_for, media_engine, turn_servers
from casebook.access import Badge, Gate, Role
from casebook.errors import NotAllowed, RefusedInput
from media.forwarder import MediaPlane
from media.janus import JanusEngine

TURN = {"ABOARD_TURN_URLS": "turn:media.example:3478?transport=udp, stun:media.example"}


async def test_without_a_setting_the_hub_carries_the_pictures_itself() -> None:
    assert isinstance(media_engine(print, print, settings={}), MediaPlane)


async def test_an_address_of_a_janus_chooses_it_with_the_hub_beside_it_for_waves() -> None:
    engine = media_engine(print, print, settings={"ABOARD_JANUS_URL": "http://127.0.0.1:8088/janus"})
    assert isinstance(engine, JanusEngine) and isinstance(engine._beside, MediaPlane)


def test_a_badge_gets_a_credential_of_its_own_and_nobody_else_does(tmp_path: Path) -> None:
    file = tmp_path / "turn.secret"
    file.write_text("north", encoding="utf-8")
    gate = Gate()
    token = gate.issue(Badge(Role.PARAMEDIC, "crew", unit="SJ-5G-01"))
    told = ice_for(gate, {**TURN, "ABOARD_TURN_SECRET_FILE": str(file)})
    assert told(asking(token)).username.endswith(":SJ-5G-01")
    with pytest.raises(NotAllowed):
        told(asking("nobody"))


def asking(token: str) -> Request:
    return Request({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]})


def test_turn_servers_come_with_the_secret_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "turn.secret"
    file.write_text("north\n", encoding="utf-8")
    turn = turn_servers({**TURN, "ABOARD_TURN_SECRET_FILE": str(file), "ABOARD_TURN_RELAY_ONLY": "1"})
    assert turn.urls == ("turn:media.example:3478?transport=udp", "stun:media.example")
    assert turn.secret == "north" and turn.relay_only
    assert turn_servers({}).urls == ()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (TURN, "turn_no_secret"),
        ({**TURN, "ABOARD_TURN_SECRET_FILE": "/nowhere/turn.secret"}, "turn_secret_unreadable"),
        ({"ABOARD_TURN_RELAY_ONLY": "1"}, "turn_no_relay"),
        ({"ABOARD_TURN_URLS": "media.example"}, "turn_url"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, str], key: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        turn_servers(settings)
    assert refused.value.key == key and refused.value.said("zh") and refused.value.said("en")
