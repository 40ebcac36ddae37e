"""A guaranteed uplink is asked for while it is needed, and whatever the network says becomes a named state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from media_stage import eventually
from qod_network import DEVICE, TOKEN, Network

from casebook import events as e
from casebook.casualty import Category
from casebook.errors import RefusedInput
from casebook.folding.changing import change_unit
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place
from media import qos_keeper
from media.qos import AGAIN_S, Line, Step, UplinkRefused, next_step, refused, silence_s, units_in_need
from media.qos_camara import Camara, CamaraSettings, read_camara_settings, retry_after_s
from media.qos_keeper import UplinkKeeper, line_of

AT = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
SERVER = {"ipv4Address": "198.51.100.7"}

# --- when it is needed, and what comes next


def picture_of(*facts: e.Event) -> Picture:
    picture = Picture()
    for fact in facts:
        picture = fold(picture, fact, Occasion(picture.seq + 1, AT))
    return picture


BOARDED = (
    e.UnitEnrolled("A01", "ambulance_5g", "一", "One", "songjiang", Place(31, 121)),
    e.UnitEnrolled("A02", "ambulance_5g", "二", "Two", "songjiang", Place(31, 121)),
    e.IncidentOpened("I1", Place(31, 121), "traffic", 1, "120", ""),
    e.CasualtyFound("I1-A", "I1", "A"),
    e.CasualtyBoarded("I1-A", "A01"),
)


def triaged(category: Category) -> e.CasualtyTriaged:
    return e.CasualtyTriaged("I1-A", "start", category, "A01")


def test_a_vehicle_needs_it_while_a_red_patient_is_aboard_and_hands_the_need_over_with_them() -> None:
    assert units_in_need(picture_of(*BOARDED)) == frozenset()
    assert units_in_need(picture_of(*BOARDED, triaged(Category.YELLOW))) == frozenset()
    red = picture_of(*BOARDED, triaged(Category.RED))
    assert units_in_need(red) == {"A01"}
    handed_on = change_unit(change_unit(red, "A01", aboard=()), "A02", aboard=("I1-A",))
    assert units_in_need(handed_on) == {"A02"}


@pytest.mark.parametrize(
    ("line", "wanted", "step"),
    [
        (Line(), True, Step.ASK),
        (Line(), False, Step.DONE),
        (Line("refused", "silent", due_s=50), True, Step.WAIT),
        (Line("refused", "silent"), False, Step.WITHDRAW),
        (Line("asked", unsure=True), True, Step.FIND),
        (Line("asked", unsure=True), False, Step.FIND),
        (Line("refused", unsure=True, silences=10), False, Step.WITHDRAW),
        (Line("granted", session="s", look_s=50), True, Step.WAIT),
        (Line("granted", session="s", look_s=50, extend_s=9), True, Step.EXTEND),
        (Line("granted", session="s"), True, Step.LOOK),
        (Line("granted", session="s", look_s=50), False, Step.GIVE_BACK),
        (Line("lost", "network", session="s", lost=True), True, Step.GIVE_BACK),
        (Line("lost", "network"), True, Step.ASK),
        (Line("given_back"), False, Step.DONE),
        (Line("given_back"), True, Step.ASK),
    ],
)
def test_what_comes_next(line: Line, wanted: bool, step: Step) -> None:
    assert next_step(line, wanted, 10.0) is step


def test_a_conflict_is_first_looked_into_and_then_a_no() -> None:
    no = UplinkRefused("conflict", 60)
    looked_into = refused(Line("asked"), Step.ASK, no, 10.0)
    assert looked_into.unsure and looked_into.state == "asked"
    settled = refused(Line("asked", sought=True), Step.ASK, no, 10.0)
    assert (settled.state, settled.why, settled.due_s) == ("refused", "conflict", 70.0)


def test_silences_are_waited_for_longer_and_longer_up_to_a_minute() -> None:
    assert [silence_s(n) for n in range(6)] == [5, 10, 20, 40, 60, 60] and silence_s(10**6) == 60


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("99999999999", 600),
        ("soon", 60),
        ("", 60),
        ("-5", 60),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 1),
    ],
)
def test_when_to_come_back_is_read_and_bounded(told: str, seconds: float) -> None:
    assert retry_after_s(told, 60.0) == seconds


@pytest.mark.parametrize(
    "changes",
    [{"url": "http://network.example/v1"}, {"sink": "http://hub.example/"}, {"devices": 3}, {"colour": "red"}],
)
def test_settings_that_would_tell_the_token_in_the_clear_or_make_no_sense_are_refused(tmp_path: Path, changes) -> None:
    good = {"url": "https://network.example/v1", "token_file": "t", "devices": {}, "application_server": SERVER}
    file = tmp_path / "qod.json"
    file.write_bytes(msgspec.json.encode(good))
    assert read_camara_settings(file).duration_s == 1800
    file.write_bytes(msgspec.json.encode(good | changes))
    with pytest.raises(RefusedInput) as caught:
        read_camara_settings(file)
    assert caught.value.key == "qod_settings"


# --- a real network interface on loopback


class Desk:
    """A vehicle's wish, the facts that were told, and a clock that can be put forward."""

    def __init__(self, folder: Path) -> None:
        self.needed = True
        self.facts: list[e.UplinkChanged] = []
        self.skipped_s = 0.0
        self._token = folder / "token"
        self._token.write_text(TOKEN)
        self._running: asyncio.Task[None] | None = None

    def start(self, network: Network, *, timeout_s: float = 5.0, duration_s: int = 1800) -> None:
        settings = CamaraSettings(
            url=network.url, token_file=str(self._token), devices={"A01": DEVICE}, application_server=SERVER,
            duration_s=duration_s,
        )  # fmt: skip
        self.keeper = UplinkKeeper(
            Camara(settings, timeout_s=timeout_s),
            wanted=lambda: frozenset({"A01", "A99"}) if self.needed else frozenset(),
            told=lambda: {fact.unit: fact for fact in self.facts},
            tell=self._tell,
            wall_now=lambda: datetime.now(UTC),
            now_s=lambda: time.monotonic() + self.skipped_s,
        )
        self._running = asyncio.create_task(self.keeper.run())

    async def stop(self) -> None:
        """The hub dies."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def _tell(self, fact: e.UplinkChanged) -> None:
        self.facts.append(fact)

    def wrong_token(self) -> None:
        self._token.write_text("wrong")

    def right_token(self) -> None:
        self._token.write_text(TOKEN)

    @property
    def story(self) -> list[str]:
        return [f"{fact.state} {fact.why}".strip() for fact in self.facts]

    async def until(self, *story: str) -> None:
        """What is told ends with these."""
        await eventually(lambda: self.story[-len(story) :] == list(story), f"{story}; told: {self.story}")


@pytest.fixture(autouse=True)
def quick_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qos_keeper, "TURN_S", 0.02)


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    network = Network()
    await network.start()
    yield network
    await network.stop()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    await desk.stop()


pytestmark = pytest.mark.sockets


async def test_it_is_asked_for_granted_and_given_back_and_never_for_an_unknown_vehicle(
    network: Network, desk: Desk
) -> None:
    network.at_once = False
    desk.start(network)
    await desk.until("asked", "pending")
    network.make_available()
    desk.skipped_s += 3
    await desk.until("granted")
    assert desk.facts[-1].session == next(iter(network.sessions)) and len(network.wishes) == 1
    assert network.wishes[0] == {
        "device": DEVICE, "applicationServer": SERVER, "qosProfile": "QOS_L", "duration": 1800,
    }  # fmt: skip
    desk.needed = False
    await desk.until("asked", "pending", "granted", "given_back")
    assert network.sessions == {} and {fact.unit for fact in desk.facts} == {"A01"}


async def test_one_that_is_not_needed_any_more_before_it_was_granted_is_given_back_too(
    network: Network, desk: Desk
) -> None:
    network.at_once = False
    desk.start(network)
    await desk.until("asked", "pending")
    desk.needed = False
    await desk.until("given_back")
    assert network.sessions == {}


@pytest.mark.parametrize(
    ("status", "headers", "why", "wait_s"),
    [
        (403, {}, "not_allowed", 60),
        (404, {}, "unknown_device", 300),
        (422, {}, "not_applicable", 300),
        (429, {"Retry-After": "7"}, "too_many", 7),
        (429, {}, "too_many", 60),
        (500, {}, "silent", 5),
        (503, {"Retry-After": "7"}, "silent", 5),
    ],
)
async def test_a_no_is_told_once_and_asked_again_when_it_is_time(
    network: Network, desk: Desk, status: int, headers: dict[str, str], why: str, wait_s: float
) -> None:
    network.answers = [(status, headers), (status, headers)]
    desk.start(network)
    await desk.until("asked", f"refused {why}")
    asked = network.count("POST")
    desk.skipped_s += wait_s - 1.0 - PATIENT_S
    await asyncio.sleep(0.1)
    assert network.count("POST") == asked, "not before its time"
    desk.skipped_s += 1.0 + PATIENT_S

    def later() -> bool:
        desk.skipped_s += wait_s / 4
        return desk.story[-1] == "granted"

    await eventually(later, "granted in the end")
    assert desk.story == ["asked", f"refused {why}", "granted"] and network.answers == []


PATIENT_S = 1.0  # of a slow machine, off the waits that are cut short


async def test_a_token_that_is_renewed_is_used_and_a_refused_wish_that_is_over_is_withdrawn(
    network: Network, desk: Desk
) -> None:
    desk.wrong_token()
    desk.start(network)
    await desk.until("asked", "refused not_allowed")
    desk.right_token()
    desk.skipped_s += 61
    await desk.until("granted")
    desk.needed = False
    await desk.until("given_back")
    desk.wrong_token()
    desk.needed = True
    await desk.until("asked", "refused not_allowed")
    desk.needed = False
    desk.skipped_s += 61
    await desk.until("refused not_allowed", "withdrawn")


async def test_a_network_that_never_answers_is_silent_and_the_session_that_it_made_is_found(
    network: Network, desk: Desk
) -> None:
    network.mute = True
    desk.start(network, timeout_s=0.3)
    await desk.until("asked", "refused silent")
    network.mute = False
    network.unmuted.set()
    desk.skipped_s += 6
    await desk.until("refused silent", "granted")
    assert len(network.wishes) == 1 and desk.facts[-1].session in network.sessions


async def test_a_session_that_the_device_has_already_is_taken_over(network: Network, desk: Desk) -> None:
    desk.start(network)
    await desk.until("asked", "granted")
    await desk.stop()
    desk.facts.clear()  # another hub, whose book knows nothing of it
    desk.start(network)
    await desk.until("asked", "granted")
    assert len(network.sessions) == 1


async def test_one_that_the_network_takes_away_is_told_ended_and_asked_for_anew(network: Network, desk: Desk) -> None:
    desk.start(network)
    await desk.until("asked", "granted")
    first = desk.facts[-1].session
    network.take_away()
    assert desk.keeper.nudge(first) and not desk.keeper.nudge("another")
    await desk.until("lost network")
    await eventually(lambda: network.sessions == {}, "what is left of it is ended: the network gives no second one")
    await eventually(lambda: not desk.keeper.nudge(first), "the keeper has heard that it is ended")
    desk.skipped_s += AGAIN_S + 1
    await desk.until("lost network", "asked", "granted")
    assert desk.facts[-1].session != first


async def test_more_time_is_asked_for_before_the_end_and_one_that_runs_out_is_had_anew_at_once(
    network: Network, desk: Desk
) -> None:
    desk.start(network, duration_s=400)
    await desk.until("asked", "granted")
    desk.skipped_s += 310
    await eventually(lambda: ("POST", "extend") in network.asked, "more time is asked for")
    (session,) = network.sessions.values()
    await eventually(lambda: session["expiresAt"].timestamp() > time.time() + 700, "more time")
    assert desk.story == ["asked", "granted"], "nothing that concerns people"
    network.take_away("DURATION_EXPIRED")
    desk.skipped_s += 31
    await desk.until("lost expired", "asked", "granted")


async def test_a_network_that_gives_no_more_time_is_asked_for_it_once(network: Network, desk: Desk) -> None:
    network.most_s = 400
    desk.start(network, duration_s=400)
    await desk.until("asked", "granted")
    desk.skipped_s += 310
    await eventually(lambda: ("POST", "extend") in network.asked, "more time is asked for")
    looks = network.count("GET")
    desk.skipped_s += 31
    await eventually(lambda: network.count("GET") > looks, "the looks go on")
    assert network.asked.count(("POST", "extend")) == 1


@pytest.mark.parametrize("needed", [True, False])
async def test_a_hub_that_comes_again_keeps_the_open_session_or_gives_it_back(
    network: Network, desk: Desk, needed: bool
) -> None:
    desk.start(network)
    await desk.until("asked", "granted")
    await desk.stop()
    assert len(network.sessions) == 1, "a hub that dies leaves it"
    desk.needed = needed
    asked = len(network.wishes)
    desk.start(network)
    if needed:
        await eventually(lambda: network.count("GET") > 0, "the session is looked at")
        assert desk.story == ["asked", "granted"] and len(network.wishes) == asked
    else:
        await desk.until("granted", "given_back")
        assert network.sessions == {}


def test_a_hub_that_died_between_asking_and_hearing_looks_for_what_it_may_have() -> None:
    assert line_of(e.UplinkChanged("A01", "asked")).unsure
    assert next_step(line_of(e.UplinkChanged("A01", "asked")), False, 0.0) is Step.FIND
    assert next_step(line_of(e.UplinkChanged("A01", "lost", "network", "s")), True, 0.0) is Step.GIVE_BACK
    assert next_step(line_of(e.UplinkChanged("A01", "granted", "", "s")), True, 0.0) is Step.LOOK


async def test_garbage_for_an_answer_is_silence(network: Network, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    network.answers = [(201, {})]  # created, they say, and show no session
    desk.start(network)
    await desk.until("asked", "refused silent")
