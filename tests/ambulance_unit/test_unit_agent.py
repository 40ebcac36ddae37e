"""The agent on a jump clock: a whole mission with the hub there, gone, and back; and what it does when things break."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from unit_fakes import BookLink, SteadyMonitor
from unit_story import BASE, BED, OPTION, SCENE, SITE, START, WARD, leg

from ambulance_unit.agent import Agent
from ambulance_unit.outbox import Outbox
from ambulance_unit.sampling import sift
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.access import Badge, Role
from casebook.asking import Asker, read_command
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.errors import FeedLost, IllegalStep
from casebook.log import By, MemoryLog
from casebook.vitals import Vitals
from media.waveforms import decode

DESK = By("desk", "hub")


class Region:
    """A hub's book on a jump clock, and vehicles that talk to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = JumpClock(START)
        self.book = Book.open(MemoryLog(), self.clock)
        self.agents: dict[str, Agent] = {}
        self.links: dict[str, BookLink] = {}
        self.monitor = SteadyMonitor()

    def vehicle(self, unit: str, **more: Any) -> Agent:
        scribe = Scribe(Outbox(self.folder / f"{unit}.db"), in_thread=False)
        told = ToldView(self.folder / f"{unit}.json")
        self.links[unit] = BookLink(self.book, unit, scribe, told)
        monitors = {"monitor_for": lambda label: self.monitor} | more
        self.agents[unit] = Agent(unit, self.clock, scribe, told, self.links[unit], base=BASE, **monitors)
        return self.agents[unit]

    async def hub(self, *facts: e.Event) -> None:
        await self.book.write(lambda picture: facts, DESK)

    async def enrol(self) -> None:
        for id, kind in (("A01", "ambulance_5g"), ("H01", "helicopter")):
            await self.hub(e.UnitEnrolled(id, kind, id, id, "songjiang", BASE))
        await self.hub(e.HospitalEnrolled("sgh", "市一", "SGH", WARD, (), 1), e.CapacityReported("sgh", *BED))
        await self.hub(e.IncidentOpened("I1", SCENE, "traffic", 1, "110", "追尾", drill=True))
        await self.hub(e.UnitAssigned("A01", "I1", "transport", leg(SCENE, BASE, 240)))

    async def tap(self, unit: str, name: str, **fields: Any) -> dict[str, Any]:
        import msgspec

        asks = {ask.name: ask for ask in self.agents[unit].crew.asks()}
        asker = Asker(Badge(Role.PARAMEDIC, f"crew-{unit}", unit), key=f"{unit}:{name}:{self.clock.now()}")
        command = read_command(msgspec.json.encode(fields), asks[name].command, name)
        return await asks[name].handle(command, asker) or {}

    def play(self, story: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
        """Run the story with every vehicle at work, on the jump clock."""
        return self.clock.run(self._with_agents(story))

    async def _with_agents(self, story: Coroutine[Any, Any, None]) -> None:
        tasks = [asyncio.create_task(agent.run()) for agent in self.agents.values()]
        try:
            await story
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def of(self, kind: type[e.Event]) -> list[Any]:
        return [entry for entry in self.book.log.read() if entry.kind == kind.name]


@pytest.fixture
async def region(tmp_path: Path):
    region = Region(tmp_path)
    yield region
    for agent in region.agents.values():
        await agent.close()


async def to_the_patient(region: Region) -> None:
    await region.enrol()
    await region.clock.sleep(60)
    await region.tap("A01", "acknowledge")
    await region.tap("A01", "en_route")
    await region.clock.sleep(240.5)
    await region.tap("A01", "found_casualty", label="A", age_years=41, sex="m")
    await region.tap("A01", "at_patient", casualty="I1-A")


async def test_the_arrival_is_recorded_by_the_geofence_at_its_exact_instant(region: Region):
    region.vehicle("A01")

    async def story() -> None:
        await region.enrol()
        await region.clock.sleep(33.3)
        await region.tap("A01", "en_route")
        await region.clock.sleep(300)

    await region.play(story())
    (arrival,) = region.of(e.UnitOnScene)
    assert arrival.at == START + timedelta(seconds=33.3 + 240)
    assert arrival.by.origin == "geofence"


async def test_vitals_are_sampled_every_second_from_the_patients_side_on(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        await to_the_patient(region)
        await region.clock.sleep(30.5)

    await region.play(story())
    samples = region.of(e.VitalsRecorded)
    assert [entry.at for entry in samples] == [START + timedelta(seconds=301 + n) for n in range(30)]
    assert samples[0].body["vitals"] == {"hr_bpm": 118, "spo2_pct": 93, "sbp_mmhg": 86}
    ledger = agent.ledger()
    assert (ledger["sampled"], ledger["vitals_stored"], ledger["unstored"], ledger["missed"]) == (30, 30, 0, 0)
    assert ledger["acked"] == ledger["stored"] and ledger["waiting"] == 0


async def test_positions_are_reported_every_five_seconds_while_driving_and_rarely_while_standing(region: Region):
    region.vehicle("A01")

    async def story() -> None:
        await region.enrol()
        await region.clock.sleep(120)
        await region.tap("A01", "en_route")
        await region.clock.sleep(120)

    await region.play(story())
    seconds = [(entry.at - START).total_seconds() for entry in region.of(e.PositionReported)]
    standing, driving = [s for s in seconds if s <= 120], [s for s in seconds if s > 120]
    assert standing == [5, 65]
    assert driving == [125 + 5 * n for n in range(23)]


async def test_with_the_hub_gone_the_crew_works_on_and_nothing_is_lost(region: Region):
    agent = region.vehicle("A01")
    seen: dict[str, Any] = {}

    async def story() -> None:
        await to_the_patient(region)
        region.links["A01"].up = False
        await region.clock.sleep(10)
        await region.tap("A01", "triage", casualty="I1-A", method="manual", category="red")
        await region.tap("A01", "findings", casualty="I1-A", concern="失血性休克")
        await region.clock.sleep(590)
        seen.update(agent.tablet_view())
        seen["book"] = len(region.of(e.CasualtyTriaged))
        region.links["A01"].up = True
        region.links["A01"].wake()
        await region.clock.sleep(1)

    await region.play(story())
    assert seen["casualties"]["I1-A"]["category"] == "red"
    assert seen["casualties"]["I1-A"]["findings"]["concern"] == "失血性休克"
    assert seen["outbox"]["waiting"] > 600 and seen["link"]["state"] == "lost" and seen["book"] == 0
    (tag,) = region.of(e.CasualtyTriaged)
    assert tag.at == START + timedelta(seconds=310.5)
    samples = [entry.at for entry in region.of(e.VitalsRecorded)]
    assert samples == [START + timedelta(seconds=301 + n) for n in range(601)]
    assert agent.ledger()["waiting"] == 0


async def test_a_refused_fact_that_would_change_nothing_any_more_is_kept_in_the_book_and_not_shouted(region: Region):
    wall_s = [0.0]
    agent = region.vehicle("A01", wall_s=lambda: wall_s[0])

    async def story() -> None:
        await region.enrol()
        await region.clock.sleep(1)
        region.links["A01"].up = False
        await region.hub(e.UnitStoodDown("A01", "wrong address"))
        await region.tap("A01", "acknowledge")
        region.links["A01"].up = True
        region.links["A01"].wake()
        await region.clock.sleep(1)
        assert "refused" not in agent.tablet_view()["technical"], "the hub's view may still be on its way"
        wall_s[0] = 6.0
        region.links["A01"].wake()
        await region.clock.sleep(1)

    await region.play(story())
    (refused,) = region.of(e.RowRefused)
    assert refused.body["kind"] == "unit_acknowledged"
    assert (
        agent.tablet_view()["technical"] == {}
    )  # stood down: the tap changes nothing any more, so there is no need to


async def test_a_fact_that_the_hub_shows_back_is_not_called_refused(region: Region):
    wall_s = [0.0]
    agent = region.vehicle("A01", wall_s=lambda: wall_s[0])

    async def story() -> None:
        await to_the_patient(region)
        await region.tap("A01", "triage", casualty="I1-A", method="manual", category="red")
        await region.tap("A01", "findings", casualty="I1-A", concern="失血性休克")
        for _ in range(5):
            await region.clock.sleep(2)
            wall_s[0] += 2
            region.links["A01"].wake()

    await region.play(story())
    assert agent.tablet_view()["technical"] == {}
    assert agent.own._facts == [], "nothing is left to lay over"


async def test_a_transfer_that_came_too_early_is_told_when_the_hub_does_not_take_it(region: Region):
    wall_s = [0.0]
    agent = region.vehicle("A01", wall_s=lambda: wall_s[0])

    async def story() -> None:
        await to_the_patient(region)
        await region.hub(e.DestinationChosen("I1-A", OPTION))
        await region.hub(e.UnitAssigned("H01", "I1", "rendezvous", leg(SITE, BASE, 600, "air")), e.UnitEnRoute("H01"))
        await region.tap("A01", "board", casualty="I1-A")
        await region.tap("A01", "left_scene")
        await region.tap("A01", "at_landing_site", site="fengjing")
        await region.tap("A01", "transfer", casualty="I1-A", to_unit="H01")
        for _ in range(4):
            await region.clock.sleep(1)
            wall_s[0] += 2
            region.links["A01"].wake()

    await region.play(story())
    assert agent.tablet_view()["technical"]["refused"]["facts"] == {"what": "casualty_transferred"}
    assert agent.view["unit"]["aboard"] == ["I1-A"], "still ours"


async def test_an_arrival_that_the_hub_does_not_accept_is_recorded_once(region: Region):
    wall_s = [0.0]
    region.vehicle("A01", wall_s=lambda: wall_s[0])

    async def story() -> None:
        await region.enrol()
        await region.clock.sleep(1)
        await region.tap("A01", "en_route")
        await region.clock.sleep(1)
        region.links["A01"].up = False
        await region.hub(e.UnitStoodDown("A01", "wrong address"))
        for _ in range(40):
            await region.clock.sleep(10)
            wall_s[0] += 10
        region.links["A01"].up = True
        for _ in range(20):
            await region.clock.sleep(10)
            wall_s[0] += 10
            region.links["A01"].wake()

    await region.play(story())
    assert [entry.body["kind"] for entry in region.of(e.RowRefused)] == ["unit_on_scene"]


async def test_a_stale_view_does_not_make_a_fact_look_refused(region: Region):
    wall_s = [0.0]
    agent = region.vehicle("A01", wall_s=lambda: wall_s[0])

    async def story() -> None:
        await region.enrol()
        await region.clock.sleep(1)
        region.links["A01"].mute = True  # rows are taken and acknowledged, the view stays as it was
        await region.tap("A01", "en_route")
        for _ in range(60):
            await region.clock.sleep(10)
            wall_s[0] += 10
            region.links["A01"].wake()
        assert agent.view["unit"]["duty"] == "on_scene" and agent._told.view["unit"]["duty"] == "assigned"

    await region.play(story())
    assert len(region.of(e.UnitOnScene)) == 1 and not region.of(e.RowRefused)
    assert agent.tablet_view()["technical"] == {}


async def test_lost_acknowledgements_do_not_double_anything(region: Region):
    region.vehicle("A01")
    region.links["A01"].lose_acks = 5

    async def story() -> None:
        await to_the_patient(region)
        await region.clock.sleep(5)

    await region.play(story())
    assert len(region.of(e.UnitEnRoute)) == 1 and not region.of(e.RowRefused)
    numbers = [entry.source.seq for entry in region.book.log.read() if entry.source]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_restarted_agent_shows_what_the_crew_did_and_goes_on_sampling(region: Region):
    first = region.vehicle("A01")

    async def before() -> None:
        await to_the_patient(region)
        region.links["A01"].up = False
        await region.tap("A01", "triage", casualty="I1-A", method="manual", category="yellow")
        await region.clock.sleep(20.2)

    await region.play(before())
    first._told.save()
    await first.close()
    stored = first._outbox.counts.stored
    again = region.vehicle("A01")
    region.links["A01"].up = False
    assert again.view["casualties"]["I1-A"]["category"] == "yellow"
    assert again.sampler.casualty == "I1-A"
    assert again.sampler.sampled == 20

    async def after() -> None:
        await region.clock.sleep(10)
        region.links["A01"].up = True
        region.links["A01"].wake()
        await region.clock.sleep(1)

    await region.play(after())
    assert again._outbox.counts.stored > stored
    assert [tag.body["category"] for tag in region.of(e.CasualtyTriaged)] == ["yellow"]
    assert len({entry.at for entry in region.of(e.VitalsRecorded)}) == len(region.of(e.VitalsRecorded)) == 31


async def test_the_monitor_goes_with_the_casualty_from_ambulance_to_helicopter(region: Region):
    ambulance, helicopter = region.vehicle("A01"), region.vehicle("H01")

    async def story() -> None:
        await to_the_patient(region)
        await region.hub(e.DestinationChosen("I1-A", OPTION))
        await region.hub(e.LegGiven("A01", "rendezvous", leg(SITE, SCENE, 120)))
        await region.hub(e.UnitAssigned("H01", "I1", "rendezvous", leg(SITE, BASE, 60, "air")))
        await region.clock.sleep(0.1)
        await region.tap("H01", "en_route")
        await region.tap("A01", "board", casualty="I1-A")
        await region.tap("A01", "left_scene")
        await region.clock.sleep(121)
        await region.tap("A01", "transfer", casualty="I1-A")
        await region.clock.sleep(10)
        await region.hub(e.LegGiven("H01", "hospital", leg(WARD, SITE, 100, "air")))
        await region.tap("H01", "left_scene")
        await region.clock.sleep(101)
        await region.tap("H01", "arrived", casualty="I1-A")
        await region.tap("H01", "start_handover", casualty="I1-A")
        await region.tap("H01", "sign_handover", casualty="I1-A")
        await region.clock.sleep(0.1)
        await region.hub(e.HandoverSigned("I1-A", "hospital", "王医生"), e.HandoverCompleted("I1-A", "sgh"))
        await region.clock.sleep(10)
        await region.tap("H01", "back_in_service")
        await region.tap("A01", "back_in_service")

    await region.play(story())
    assert not region.of(e.RowRefused)
    by_unit = [entry.body["unit"] for entry in region.of(e.VitalsRecorded)]
    assert by_unit == sorted(by_unit) and set(by_unit) == {"A01", "H01"}
    assert by_unit.count("A01") == 121 and by_unit.count("H01") == 111  # no second without, none twice
    assert [entry.body["site"] for entry in region.of(e.UnitAtLandingSite)] == ["fengjing", "fengjing"]
    assert region.of(e.UnitAtDestination)[0].at == START + timedelta(seconds=300.6 + 121 + 10 + 100)
    assert ambulance.sampler.casualty is None and helicopter.sampler.casualty is None
    assert region.book.picture.units["H01"].duty == "available"


async def test_a_crew_that_takes_the_monitor_off_is_not_contradicted(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        await to_the_patient(region)
        await region.tap("A01", "board", casualty="I1-A")
        await region.clock.sleep(5.5)
        await region.tap("A01", "attach_monitor")
        await region.clock.sleep(60)

    await region.play(story())
    assert len(region.of(e.VitalsRecorded)) == 5
    assert agent.sampler.casualty is None


async def test_an_impossible_value_is_a_technical_state_and_never_a_number(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        region.monitor.vitals = Vitals(hr_bpm=118, spo2_pct=147, temp_c=math.nan)
        await to_the_patient(region)
        await region.clock.sleep(3.5)
        broken = agent.tablet_view()["technical"]
        assert {name: state["error"] for name, state in broken.items()} == {
            "vital.spo2_pct": "impossible_vital",
            "vital.temp_c": "impossible_vital",
        }
        assert broken["vital.spo2_pct"]["times"] == 3
        region.monitor.vitals = Vitals(hr_bpm=118, spo2_pct=94)
        await region.clock.sleep(2)

    await region.play(story())
    samples = [entry.body["vitals"] for entry in region.of(e.VitalsRecorded)]
    assert samples[:3] == [{"hr_bpm": 118}] * 3 and samples[-1] == {"hr_bpm": 118, "spo2_pct": 94}
    assert set(agent.tablet_view()["technical"]) == {"vital.temp_c"}  # still not measured again
    assert agent.ledger()["impossible"] == 6


async def test_a_silent_monitor_records_nothing_and_says_so(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        region.monitor.vitals = Vitals()
        await to_the_patient(region)
        await region.clock.sleep(3)

    await region.play(story())
    assert not region.of(e.VitalsRecorded)
    assert agent.tablet_view()["technical"]["monitor"]["error"] == "monitor_silent"


async def test_a_full_disk_fails_the_tap_counts_the_samples_and_recovers(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        await to_the_patient(region)
        agent._outbox._db.execute("PRAGMA query_only=1")
        with pytest.raises(FeedLost) as caught:
            await region.tap("A01", "triage", casualty="I1-A", method="manual", category="red")
        assert caught.value.key == "outbox_unwritable"
        assert "category" not in agent.view["casualties"]["I1-A"], "what is not stored is not shown as done"
        await region.clock.sleep(4.5)
        assert agent.tablet_view()["technical"]["outbox"]["error"] == "outbox_unwritable"
        agent._outbox._db.execute("PRAGMA query_only=0")
        await region.clock.sleep(2)

    await region.play(story())
    assert agent.ledger()["unstored"] >= 4
    assert "outbox" not in agent.tablet_view()["technical"]


async def test_a_refused_tap_changes_nothing(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        await region.enrol()
        await region.clock.sleep(1)
        with pytest.raises(IllegalStep):
            await region.tap("A01", "left_scene")

    await region.play(story())
    assert agent.view["unit"]["duty"] == "assigned"


async def test_the_same_key_is_found_again(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        await region.enrol()
        await region.clock.sleep(1)
        await region.tap("A01", "acknowledge")

    await region.play(story())
    assert agent.find_asked(f"A01:acknowledge:{START + timedelta(seconds=1)}")


async def test_alarms_ride_on_the_latest_numbers(region: Region):
    agent = region.vehicle("A01")

    async def story() -> None:
        await to_the_patient(region)
        await region.clock.sleep(2)

    await region.play(story())
    latest = agent.tablet_view()["monitor"]["latest"]
    assert {alarm["key"] for alarm in latest["alarms"]} == {"sbp_low"}
    assert latest["at"] == START + timedelta(seconds=302)


async def test_waves_reach_a_tablet_in_packets_that_follow_each_other(region: Region):
    agent = region.vehicle("A01")
    agent.sampler.attach("I1-A")
    with agent.waves.watched() as queue:
        for number in range(5):
            agent.waves.pass_on(number)
        packets = [decode(queue.get_nowait()) for _ in range(5)]
    assert [packet.sequence for packet in packets] == [0, 1, 2, 3, 4]
    assert [packet.channels[0].first_index for packet in packets] == [0, 10, 20, 30, 40]
    assert [packet.start_ms - packets[0].start_ms for packet in packets] == [0, 40, 80, 120, 160]


async def test_a_tablet_that_does_not_keep_up_misses_waves_and_holds_nobody_up(region: Region):
    agent = region.vehicle("A01")
    agent.sampler.attach("I1-A")
    with agent.waves.watched() as queue:
        for number in range(100):
            agent.waves.pass_on(number)
        assert queue.qsize() == 10


def test_sifting_keeps_what_can_be():
    odd = Vitals(hr_bpm=900, spo2_pct=96, gcs_eye="NT", avpu="Z")  # type: ignore[arg-type]
    kept, doubts, refused = sift(odd)
    assert kept == replace(odd, hr_bpm=None, avpu=None)
    assert [wrong.facts["field"] for wrong in refused] == ["hr_bpm", "avpu"] and not doubts
