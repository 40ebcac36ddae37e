"""Which key a vehicle is held to, from its first one to the one that a person takes for a new machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from casebook import events as e
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place
from media.vehicle_key import TOLD_EVERY, WrongKey, fingerprint_of, held_to, key_facts, need_key

AT = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
OWN, OTHER = ":".join(["AB"] * 32), ":".join(["CD"] * 32)
OFFER = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\n{}a=setup:actpass\r\n"


def offer(*prints: str) -> str:
    return OFFER.format("".join(f"a=fingerprint:{one}\r\n" for one in prints))


class Story:
    """The picture after what was written of one vehicle's offers."""

    def __init__(self) -> None:
        self.picture = Picture()
        self.add([e.UnitEnrolled("A01", "ambulance", "一", "One", "songjiang", Place(31, 121))], AT)

    def add(self, facts: list[e.Event], at: datetime) -> None:
        for fact in facts:
            self.picture = fold(self.picture, fact, Occasion(self.picture.seq + 1, at))

    def shows(self, fingerprint: str, *, kept: bool, at: datetime = AT) -> list[str]:
        facts = key_facts(self.picture.units["A01"], fingerprint, at, kept=kept)
        self.add(facts, at)
        return [fact.name for fact in facts]

    @property
    def unit(self):
        return self.picture.units["A01"]


def test_the_first_kept_key_is_remembered_once_and_let_in() -> None:
    story = Story()
    assert story.shows(OWN, kept=True) == ["media_key_pinned"] and story.shows(OWN, kept=True) == []
    need_key(story.unit, OWN)


def test_who_never_kept_a_key_goes_by_the_badge_alone() -> None:
    story = Story()
    for one in (OWN, OTHER, ""):
        assert story.shows(one, kept=False) == []
        need_key(story.unit, one)
    assert story.shows("", kept=True) == [], "an offer without a SHA-256 fingerprint names no key to remember"


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("shown", [OTHER, ""])
def test_another_key_is_refused_and_told_whatever_it_says_of_itself(shown: str, kept: bool) -> None:
    story = Story()
    story.shows(OWN, kept=True)
    assert story.shows(shown, kept=kept) == ["media_key_refused"]
    with pytest.raises(WrongKey):
        need_key(story.unit, shown)
    need_key(story.unit, OWN)
    assert story.shows(OWN, kept=False) == [], "the right key is the right key without a word"


def test_who_tries_again_and_again_fills_no_log() -> None:
    story = Story()
    story.shows(OWN, kept=True)
    keys = [":".join([f"{number:02X}"] * 32) for number in range(100)]
    told = [story.shows(key, kept=True, at=AT + TOLD_EVERY * number / 50) for number, key in enumerate(keys)]
    assert sum(map(len, told)) == 2
    assert story.shows(OTHER, kept=True, at=AT + timedelta(hours=1)) == ["media_key_refused"]
    assert story.unit.media_key_refused == OTHER and story.unit.media_key == OWN


def test_a_person_takes_the_new_machine_and_the_old_one_is_out() -> None:
    story = Story()
    story.shows(OWN, kept=True)
    story.shows(OTHER, kept=True)
    story.add([e.MediaKeyAccepted("A01", OTHER)], AT)
    need_key(story.unit, OTHER)
    assert story.unit.media_key_refused == ""
    with pytest.raises(WrongKey):
        need_key(story.unit, OWN)


def test_the_fingerprint_is_the_offers_one_of_sha_256_in_any_letters() -> None:
    assert fingerprint_of(offer(f"sha-256 {OWN.lower()}", f"sha-384 {OTHER}")) == OWN
    assert fingerprint_of(offer(f"SHA-256 {OWN}", f"sha-256 {OWN}")) == OWN
    assert fingerprint_of(offer(f"sha-512 {OWN}")) == ""
    assert fingerprint_of(offer(f"sha-256 {OWN}", f"sha-256 {OTHER}")) == "", "two keys are no key"


def test_no_second_fingerprint_is_smuggled_in_beside_the_known_one() -> None:
    held = held_to(offer(f"sha-256 {OWN.lower()}", f"sha-384 {OTHER}", f"sha-1 {OTHER}"), OWN)
    assert held.count("a=fingerprint:") == 1 and OTHER not in held and held.endswith("a=setup:actpass\r\n")
