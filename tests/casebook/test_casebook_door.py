"""The door: who is let in, what is refused and how it is said, and that a screen hears what happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from casebook_tales import START, opened
from fastapi import Request, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from casebook import events as e
from casebook.access import Badge, Gate, Role, need_hospital
from casebook.asking import Ask, Asker, Command
from casebook.book import Book
from casebook.door import MAX_BODY, SUBPROTOCOL, add_asks, admit_socket, badge_of, body_of, make_app, serve_feed
from casebook.errors import CoordinationError, FeedLost, NoAnswer
from casebook.live import Feed
from casebook.log import MemoryLog

STATED = {"hospital": "songjiang", "free": 3}


class StateBeds(Command, frozen=True, kw_only=True):
    """How many beds are free."""

    hospital: str
    free: int


class Hub:
    """One ask, one feed, and the pages that a room adds."""

    def __init__(self, book: Book, *, drill: bool = True) -> None:
        self.book, gate = book, Gate()
        self.tokens = {
            "ward": gate.issue(Badge(Role.ED, "sister Li", hospital="songjiang")),
            "crew": gate.issue(Badge(Role.PARAMEDIC, "medic", unit="A01")),
            "director": gate.issue(Badge(Role.DIRECTOR, "director")),
        }
        self.heard: list[dict[str, Any]] = []
        self.feed = Feed(lambda picture, now: {"beds": _free(picture)}, book.clock)
        self.book.listen(lambda entries: self.feed.refresh(book.picture, entries))
        self.feed.refresh(book.picture)
        self.app = make_app("hub")
        add_asks(self.app, [Ask("state_beds", StateBeds, (Role.ED,), self._state)], gate, drill=drill,
                 done_before=book.log.find_asked)  # fmt: skip
        self._add_pages(gate)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    async def _state(self, command: Any, asker: Asker) -> dict[str, Any]:
        need_hospital(asker.badge, command.hospital, "state_beds")
        fact = e.CapacityReported(command.hospital, "ed_bed", command.free)
        entries = await self.book.write(lambda picture: [fact], asker.by, asker.at, asker.key)
        return {"entries": [entry.seq for entry in entries], "at": asker.at}

    def _add_pages(self, gate: Gate) -> None:
        @self.app.get("/api/v1/me")
        async def me(request: Request) -> Badge:
            return badge_of(gate, request)

        @self.app.post("/api/v1/raw")
        async def raw(request: Request) -> int:
            return len(await body_of(request, 10))

        @self.app.get("/api/v1/wrong/{how}")
        async def wrong(how: int) -> None:
            raise [FeedLost(feed="monitor"), NoAnswer(why="no road"), CoordinationError(), ValueError("bug")][how]

        @self.app.websocket("/api/v1/live/wall")
        async def wall(socket: WebSocket) -> None:
            if await admit_socket(socket, gate):
                await serve_feed(socket, self.feed.subscribe(), self.heard.append)

    def ask(self, who: str = "ward", **how: Any):
        headers = {"Authorization": f"Bearer {self.tokens.get(who, who)}", **how.pop("headers", {})}
        content = how.pop("content", None) if "content" in how else json.dumps({**STATED, **how})
        return self.client.post("/api/v1/ask/state_beds", content=content, headers=headers)


def _free(picture: Any) -> int | None:
    figure = picture.hospitals["songjiang"].figures.get("ed_bed")
    return figure.free if figure else None


@pytest.fixture
async def hub() -> Hub:
    return Hub(await opened(MemoryLog()))


def test_a_badge_that_may_ask_is_heard_and_its_word_is_in_the_book(hub: Hub):
    answer = hub.ask()
    assert answer.status_code == 200
    (entry,) = [entry for entry in hub.book.log.read() if entry.seq in answer.json()["entries"]]
    assert (str(entry.by), entry.body["free"]) == ("ed:sister Li", 3)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic abc"},
                                     {"Authorization": "Bearer"}, {"Authorization": ""}])  # fmt: skip
def test_without_a_known_token_nothing_opens(hub: Hub, headers: dict):
    for answer in (hub.client.post("/api/v1/ask/state_beds", json={}, headers=headers),
                   hub.client.get("/api/v1/me", headers=headers)):  # fmt: skip
        assert (answer.status_code, answer.json()["error"]) == (401, "unknown_token")


def test_a_token_in_the_address_opens_nothing(hub: Hub):
    assert hub.client.get(f"/api/v1/me?token={hub.tokens['ward']}").status_code == 401


def test_a_role_that_may_not_ask_is_told_what_it_needs(hub: Hub):
    answer = hub.ask("crew")
    assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed")
    assert answer.json()["facts"] == {"what": "state_beds", "needs": "ed"}
    assert hub.ask("ward", hospital="jinshan").status_code == 403
    assert hub.ask("director").status_code == 200


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"hospital": "songjiang"}', "bad_field"),
        (b'{"hospital": "songjiang", "free": NaN}', "bad_json"),
        (b'{"hospital": "songjiang", "free": 1e999}', "bad_field"),
        (b'{"hospital": "songjiang", "free": 1, "x": 1}', "bad_field"),
        (b"beds: 3", "bad_json"),
        (b"", "bad_field"),
        (b"\x00\xff", "bad_json"),
        (b"[" * 50_000, "bad_field"),
        (b" " * (MAX_BODY + 1), "bad_json"),
    ],
)
def test_bad_input_is_a_422_in_both_languages_and_changes_nothing(hub: Hub, content: bytes, error: str):
    before = hub.book.log.head()
    answer = hub.ask(content=content)
    assert (answer.status_code, answer.json()["error"]) == (422, error)
    assert answer.json()["zh"] and answer.json()["en"] and answer.json()["facts"]["where"]
    assert hub.book.log.head() == before


def test_a_body_beyond_its_limit_is_refused_without_being_kept(hub: Hub):
    assert hub.client.post("/api/v1/raw", content=b"x" * 10).json() == 10

    def endless():
        for _ in range(1000):
            yield b"x" * 1000

    assert hub.client.post("/api/v1/raw", content=endless()).status_code == 422


@pytest.mark.parametrize(
    ("how", "status", "error"),
    [(0, 503, "feed_lost"), (1, 409, "no_answer"), (2, 500, "unexpected"), (3, 500, "unexpected")],
)
def test_every_error_of_the_family_has_its_status_and_a_bug_tells_nothing(hub: Hub, how, status, error):
    answer = hub.client.get(f"/api/v1/wrong/{how}")
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "ValueError" not in answer.text and "bug" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/api/v1/ask/state_beds", 405), ("GET", "/api/v1/wrong/x", 422)],
)
def test_a_path_that_is_not_there_is_refused_in_words_too(hub: Hub, method, path, status):
    answer = hub.client.request(method, path)
    assert answer.status_code == status and answer.json()["error"] and answer.json()["zh"]


def test_the_same_key_is_done_once(hub: Hub):
    first = hub.ask(headers={"Idempotency-Key": "k"})
    again = hub.ask(headers={"Idempotency-Key": "k"}, free=9)
    assert again.json() == {"repeated": True, "entries": first.json()["entries"]}
    assert _free(hub.book.picture) == 3
    assert hub.ask(headers={"Idempotency-Key": "other"}, free=9).status_code == 200


def test_in_a_drill_the_script_says_when_and_the_book_keeps_it_in_utc(hub: Hub):
    answer = hub.ask(headers={"Aboard-At": "2021-04-18T09:45:00+08:00"})
    assert answer.json()["at"] == "2021-04-18T01:45:00Z"
    entry = list(hub.book.log.read())[-1]
    assert entry.at.isoformat() == "2021-04-18T01:45:00+00:00"
    for wrong in ("2021-04-18T09:45:00", "soon"):
        assert hub.ask(headers={"Aboard-At": wrong}).status_code == 422


async def test_live_it_is_always_now_whatever_the_header_says():
    hub = Hub(await opened(MemoryLog()), drill=False)
    answer = hub.ask(headers={"Aboard-At": "2021-04-18T09:45:00+08:00"})
    assert answer.json()["at"] is None
    assert list(hub.book.log.read())[-1].at == START


def test_every_ask_documents_itself(hub: Hub):
    operation = hub.client.get("/openapi.json").json()["paths"]["/api/v1/ask/state_beds"]["post"]
    assert operation["description"] == "How many beds are free."
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"hospital", "free"} and schema["additionalProperties"] is False


# --- WebSockets


def connect(hub: Hub, **how: Any):
    return hub.client.websocket_connect("/api/v1/live/wall", **how)


def test_a_browser_gets_in_by_subprotocol_and_is_answered_with_ours(hub: Hub):
    with connect(hub, subprotocols=[SUBPROTOCOL, f"token.{hub.tokens['ward']}"]) as socket:
        assert socket.accepted_subprotocol == SUBPROTOCOL, "the token is never sent back"
        assert json.loads(socket.receive_text())["t"] == "snapshot"


def test_a_program_gets_in_by_header(hub: Hub):
    with connect(hub, headers={"Authorization": f"Bearer {hub.tokens['ward']}"}) as socket:
        assert socket.accepted_subprotocol is None
        assert json.loads(socket.receive_text())["t"] == "snapshot"


@pytest.mark.parametrize("how", [{}, {"subprotocols": [SUBPROTOCOL]}, {"subprotocols": [SUBPROTOCOL, "token.wrong"]},
                                 {"subprotocols": ["token."]}, {"headers": {"Authorization": "Bearer x"}}])  # fmt: skip
def test_an_unknown_token_is_refused_before_the_socket_opens(hub: Hub, how: dict):
    with pytest.raises(WebSocketDisconnect), connect(hub, **how) as socket:
        socket.receive_text()


def test_a_screen_hears_what_happens_and_tells_what_it_showed(hub: Hub):
    with connect(hub, headers={"Authorization": f"Bearer {hub.tokens['ward']}"}) as socket:
        assert json.loads(socket.receive_text())["view"] == {}
        hub.ask(free=2)
        while (message := json.loads(socket.receive_text()))["t"] == "beat":
            continue
        assert message["patch"] == {"beds": 2}
        for word in ('{"t": "shown", "rows": [["A01", "e", 1]]}', "not json", "[]", "[" * 5000, '{"t": "resync"}'):
            socket.send_text(word)
        while (message := json.loads(socket.receive_text()))["t"] == "beat":
            continue
        assert message["t"] == "snapshot" and message["view"] == {"beds": 2}
    assert hub.heard == [{"t": "shown", "rows": [["A01", "e", 1]]}]


def test_a_screen_that_goes_is_forgotten(hub: Hub):
    with connect(hub, headers={"Authorization": f"Bearer {hub.tokens['ward']}"}) as socket:
        socket.receive_text()
        assert hub.feed.watched
    assert not hub.feed.watched
