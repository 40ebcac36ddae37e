"""The router's doors at a real hub: its own map, the closures of its book, its badges."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from casebook import events as e
from casebook.clock import JumpClock
from casebook.desks import DESK
from casebook.place import Place

AT = datetime(2027, 4, 18, 1, 30, tzinfo=UTC)
FENGJING, SONGJIANG = "30.8826,121.0216", "31.0304,121.2276"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, dict[str, str]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABOARD_CACHE", str(tmp_path_factory.mktemp("cache")))
        opened, links = asyncio.run(
            open_hub(tmp_path_factory.mktemp("hub"), "yangtze_delta", JumpClock(AT), drill=False)
        )
        yield opened, links
        opened.book.log.close()


def asked(hub: Hub, token: str, path: str, **query: str):
    client = TestClient(hub.app, raise_server_exceptions=False)
    return client.get(path, params=query, headers={"Authorization": f"Bearer {token}"})


def test_a_closure_written_in_the_book_changes_the_next_answer_and_its_version(hub: tuple[Hub, dict[str, str]]):
    opened, links = hub
    ask = {"from": FENGJING, "to": SONGJIANG}
    free = asked(opened, links["dispatcher"], "/api/v1/routes/route", **ask).json()
    closed = e.RoadClosed("C1", "works", polygon=(), ref="G60")
    asyncio.run(opened.book.write(lambda picture: [closed], DESK))
    shut = asked(opened, links["dispatcher"], "/api/v1/routes/route", **ask).json()
    assert (free["traffic_version"], free["avoids"]) == ("free", [])
    assert shut["traffic_version"] != "free"
    assert [one["closure"] for one in shut["avoids"]] == ["C1"]
    assert shut["eta_s"] > free["eta_s"]
    assert not any("G60" in leg["ref"] for leg in shut["legs"])


def test_osrms_clients_get_the_same_time(hub: tuple[Hub, dict[str, str]]):
    opened, links = hub
    lonlat = ";".join(",".join(reversed(place.split(","))) for place in (FENGJING, SONGJIANG))
    osrm = asked(opened, links["director"], f"/osrm/table/v1/ambulance_siren/{lonlat}").json()
    assert osrm["code"] == "Ok"
    (row, _) = osrm["durations"]
    ours = asked(opened, links["director"], "/api/v1/routes/table", **{"from": FENGJING, "to": SONGJIANG}).json()
    assert 0 < row[1] <= ours["eta_s"][0][0], "ours also counts the metres to the door"


def test_coverage_starts_from_the_bases_of_the_fleet(hub: tuple[Hub, dict[str, str]]):
    opened, links = hub
    refused = asked(opened, links["dispatcher"], "/api/v1/routes/coverage")
    assert (refused.status_code, refused.json()["error"]) == (422, "no_stations"), "no vehicle yet"
    unit = e.UnitEnrolled("A01", "ambulance", "一号车", "One", "songjiang", Place(31.03, 121.22), "Songjiang")
    flying = e.UnitEnrolled("H01", "helicopter", "直升机", "Heli", "songjiang", Place(31.1, 121.3), "")
    asyncio.run(opened.book.write(lambda picture: [unit, flying], DESK))
    told = asked(opened, links["dispatcher"], "/api/v1/routes/coverage").json()
    assert [one["id"] for one in told["by_station"]] == ["Songjiang"]


def test_a_vehicle_and_a_ward_may_not_ask(hub: tuple[Hub, dict[str, str]]):
    opened, links = hub
    token = next(token for who, token in links.items() if who not in ("dispatcher", "director"))
    for path in ("/api/v1/routes/map", f"/osrm/route/v1/car/{FENGJING};{SONGJIANG}"):
        assert asked(opened, token, path).status_code == 403
