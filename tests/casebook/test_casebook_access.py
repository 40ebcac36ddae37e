"""A token opens what its badge may open; it is kept as a hash only, and links survive a restart."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.access import Badge, Gate, Role, need, need_hospital, need_unit
from casebook.errors import NotAllowed, RefusedInput

WARD = Badge(Role.ED, "sister Li", hospital="songjiang")
CREW = Badge(Role.PARAMEDIC, "medic Chen", unit="A01")
DESK = Badge(Role.DISPATCHER, "desk 1")
DIRECTOR = Badge(Role.DIRECTOR, "director")


def test_a_token_is_known_from_its_making_to_its_revoking():
    gate = Gate()
    token = gate.issue(WARD)
    assert gate.admit(token) == WARD
    gate.revoke(token)
    with pytest.raises(NotAllowed) as caught:
        gate.admit(token)
    assert caught.value.key == "unknown_token"
    gate.revoke("never issued")


@given(st.text() | st.none())
def test_every_other_token_is_refused_alike(token: str | None):
    gate = Gate()
    issued = gate.issue(CREW)
    if token == issued:
        return
    with pytest.raises(NotAllowed) as caught:
        gate.admit(token)
    assert (caught.value.key, caught.value.facts) == ("unknown_token", {})


def test_no_two_tokens_are_alike_and_one_can_be_enrolled_by_file():
    gate = Gate()
    assert len({gate.issue(CREW) for _ in range(50)}) == 50
    assert gate.issue(WARD, "a-token-from-a-file") == "a-token-from-a-file"
    assert gate.admit("a-token-from-a-file") == WARD


def test_links_survive_a_restart_and_the_file_holds_no_token(tmp_path: Path):
    file = tmp_path / "deep" / "badges.json"
    token = Gate(file).issue(WARD)
    assert Gate(file).admit(token) == WARD
    text = file.read_text(encoding="utf-8")
    assert token not in text and hashlib.sha256(token.encode()).hexdigest() in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = Gate(file)
    again.revoke(token)
    with pytest.raises(NotAllowed):
        Gate(file).admit(token)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": {"role": "king", "who": ""}}', '{"x": {"who": "y"}}'])
def test_a_spoilt_file_is_refused_by_its_name(tmp_path: Path, text: str):
    file = tmp_path / "badges.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RefusedInput) as caught:
        Gate(file)
    assert caught.value.facts["where"] == "badges.json"


@pytest.mark.parametrize("badge", [WARD, CREW, DESK, DIRECTOR])
@pytest.mark.parametrize("role", [Role.ED, Role.PARAMEDIC, Role.DISPATCHER])
def test_a_role_does_its_own_and_the_director_everything(badge: Badge, role: Role):
    if badge.role in (role, Role.DIRECTOR):
        need(badge, role, what="test")
        return
    with pytest.raises(NotAllowed) as caught:
        need(badge, role, what="test")
    assert caught.value.key == "not_allowed" and "test" in caught.value.said("zh")


def test_with_no_role_named_only_the_director_may():
    need(DIRECTOR, what="entries")
    for badge in (WARD, CREW, DESK):
        with pytest.raises(NotAllowed):
            need(badge, what="entries")


def test_a_ward_speaks_for_its_own_hospital_and_a_crew_for_its_own_vehicle():
    need_hospital(WARD, "songjiang", "capacity")
    need_unit(CREW, "A01", "publish")
    with pytest.raises(NotAllowed):
        need_hospital(WARD, "jinshan", "capacity")
    with pytest.raises(NotAllowed):
        need_hospital(Badge(Role.ED, "no hospital"), "songjiang", "capacity")
    with pytest.raises(NotAllowed):
        need_unit(CREW, "H01", "publish")
    for badge in (DESK, DIRECTOR):
        need_hospital(badge, "jinshan", "capacity")
        need_unit(badge, "H01", "view")
