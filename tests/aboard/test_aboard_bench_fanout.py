"""The city that the hub's figures are asked of is a city, and the boards that listen hear all that was said."""

from __future__ import annotations

import asyncio

import pytest
import websockets

from aboard.bench.boards import Seat, boards
from aboard.bench.city import city_of, facts_of
from aboard.bench.fanout import Heard, InCity, Told, cases_of, measure_telling, seats_of
from aboard.bench.play import BenchFailed
from casebook.casualty import Stage
from casebook.clock import WallClock
from casebook.picture import Occasion, Picture, fold
from hospital_board.cases import list_own_cases


def test_every_case_of_the_city_is_on_its_way_to_one_ward_in_one_vehicle():
    city, picture = city_of(hospitals=5, vehicles=12, cases=8), Picture()
    for number, fact in enumerate(facts_of(city), start=1):
        picture = fold(picture, fact, Occasion(number, WallClock().now()))
    assert len(picture.units) == 12 and len(picture.hospitals) == 5
    assert all(one.stage is Stage.ABOARD for one in picture.casualties.values())
    assert sum(len(list_own_cases(picture, ward)) for ward in city.hospitals) == 8


def test_the_boards_stand_round_the_wards_and_at_dispatch():
    city = city_of(60, 1000, 400)
    tokens = {"dispatcher": "d"} | {f"hospital:{ward}": ward for ward in city.hospitals}
    heard, seats = seats_of(city, "http://hub", tokens)
    assert len(heard) == len(seats) == 200
    assert {one.ward for one in heard} == {"", *city.hospitals}
    assert sum(seat.path == "/api/v1/live/console" for seat in seats) == 20


def test_a_board_knows_when_a_sample_came_first():
    async def hear() -> Heard:
        heard = Heard("W00")
        for body in (
            b'{"t":"beat"}',
            b'{"samples":[{"unit":"V1","seq":3,"hr":1}]}',
            b'{"samples":[{"unit":"V1","seq":3}]}',
        ):
            heard.hear(body)
        return heard

    assert list(asyncio.run(hear()).arrived_s) == [("V1", 3)]


async def test_a_board_hears_messages_of_every_length_whole_and_answers_a_ping():
    said = ["", "a", "b" * 125, "c" * 126, "d" * 65_535, "e" * 65_536, "救" * 30_000]
    heard: list[str] = []
    ponged = asyncio.Event()

    async def tell(socket: websockets.ServerConnection) -> None:
        for one in said:
            await socket.send(one)
        await (await socket.ping())
        ponged.set()
        await socket.wait_closed()

    async with websockets.serve(tell, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        seat = Seat(f"http://127.0.0.1:{port}", "/", "", lambda body: heard.append(body.decode()))
        async with boards([seat]), asyncio.timeout(30):
            await ponged.wait()
    assert heard == said


async def test_a_board_that_is_refused_says_so():
    def refuse(connection: websockets.ServerConnection, request: object) -> object:
        return connection.respond(403, "no")

    async def tell(socket: websockets.ServerConnection) -> None: ...

    async with websockets.serve(tell, "127.0.0.1", 0, process_request=refuse) as server:  # type: ignore[arg-type]
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(BenchFailed):
            async with boards([Seat(f"http://127.0.0.1:{port}", "/", "", lambda body: None)]):
                pass


@pytest.mark.sockets
@pytest.mark.parametrize("kind", ["feed", "bare"])
async def test_what_a_server_tells_its_screens_arrives_with_its_age(kind: str):
    told = await measure_telling(kind, seconds=0.5, screens=3)
    assert told.delay_ms and min(told.delay_ms) > 0 and told.per_second > 0 and told.core >= 0


def test_the_cases_hold_each_figure_to_its_goal():
    city = InCity([10.0, 40.0], 0, 1.05, 300.0, 0.5)
    cases = {case.name: case for case in cases_of(city, Told([5.0], 0.5, 40000.0), Told([4.0], 0.4, 40000.0))}
    assert all(cases[name].met(loaded=False) for name in ("board_delay", "samples_missing", "stopped_board", "hub_mb"))
    assert cases["fanout_core"].ratios == {"bare_server": 1.25}
    lost = cases_of(InCity([], 3, None, None, 0.5), Told([], 0.7, 0.0), Told([], 0.4, 1.0))
    assert [case.name for case in lost if case.met(loaded=False) is False] == [
        "board_delay", "samples_missing", "stopped_board", "hub_mb", "fanout_delay", "fanout_core",
    ]  # fmt: skip


def test_a_hub_that_grows_while_the_city_goes_on_is_told_and_one_that_does_not_too():
    def later(held_mb: list[float]) -> tuple[float | None, bool | None]:
        cases = cases_of(InCity([1.0], 0, 1.0, 300.0, 0.5, held_mb), Told([5.0], 0.5, 4.0), Told([4.0], 0.4, 4.0))
        (case,) = [case for case in cases if case.name == "hub_mb_later"] or [None]
        return (case.ours.p50, case.met(loaded=False)) if case else (None, None)

    fills = [200.0 + number for number in range(120)]
    assert later([*fills, *[320.0] * 240]) == (0.0, True)
    assert later([*fills, *[320.0 + number / 4 for number in range(240)]]) == (30.0, False)
    assert later(fills) == (None, None), "trends were still filling"


def test_what_comes_while_nobody_counts_is_not_kept():
    heard = Heard("W00", counting=False)
    heard.hear(b'{"samples":[{"unit":"V1","seq":3}]}')
    assert heard.arrived_s == {}
