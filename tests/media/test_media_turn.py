"""Behind a firewall pictures go by coturn, with credentials that end by themselves and reach nothing else."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from aioice import stun, turn
from janus_server import free_port
from media_stage import Hub, Running, eventually, wall_ms

from casebook.errors import NotAllowed, RefusedInput
from media.aiortc_private import listen_on
from media.camera import open_camera
from media.receiver import VideoViewer
from media.sender import VideoPublisher
from media.turn import IceServers, Turn, credential

CONFIG = Path(__file__).parents[2] / "deploy" / "coturn" / "turnserver.conf"
SECRET = "a secret of the test"
URL = "turn:media.example:3478?transport=udp"
NOON = datetime(2021, 4, 18, 12, 0, tzinfo=UTC)


def test_the_user_name_tells_its_end_and_the_password_proves_it() -> None:
    ice = Turn((URL,), SECRET, ttl_s=600).servers_for("SJ-5G-01", NOON)
    assert ice.username == f"{int(NOON.timestamp()) + 600}:SJ-5G-01"
    assert ice.credential == credential(SECRET, ice.username) != credential("another", ice.username)
    assert ice.expires_at == datetime(2021, 4, 18, 12, 10, tzinfo=UTC)


def test_the_mac_is_coturns() -> None:
    """From `openssl dgst -sha1 -hmac north -binary | base64` over the user name."""
    assert credential("north", "1618747200:A01") == "9FoVTJla+fwggY7fO1MskwLjlxE="


def test_a_name_cannot_break_out_of_a_header_or_of_the_user_name() -> None:
    ice = Turn((URL,), SECRET).servers_for('a"; rel=x:\r\n急救' + "x" * 100, NOON)
    (link,) = ice.as_links()
    assert link.isascii() and link.count('"') == 8 and "\n" not in link and len(ice.username.split(":")[1]) <= 64


def test_browsers_and_standard_peers_are_told_the_same() -> None:
    ice = Turn(("stun:media.example", URL), SECRET).servers_for("A01", NOON)
    view, links = ice.as_view(), ice.as_links()
    assert view["ice_servers"][0] == {"urls": "stun:media.example"} and view["ice_servers"][1]["urls"] == URL
    assert links[0] == '<stun:media.example>; rel="ice-server"'
    assert f'username="{ice.username}"' in links[1] and f'credential="{ice.credential}"' in links[1]
    assert SECRET not in repr(ice) + repr(Turn((URL,), SECRET)) and ice.credential not in repr(ice)


def test_without_servers_there_is_nothing_to_tell() -> None:
    assert Turn().servers_for("A01", NOON) == IceServers()
    assert IceServers().as_view() == {"ice_servers": [], "relay_only": False} and IceServers().as_links() == []


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"urls": ("http://media.example",), "secret": SECRET}, "turn_url"),
        ({"urls": ('turn:x">; rel="y',), "secret": SECRET}, "turn_url"),
        ({"urls": (URL,)}, "turn_no_secret"),
        ({"urls": ("stun:media.example",), "relay_only": True}, "turn_no_relay"),
        ({"relay_only": True}, "turn_no_relay"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(wrong: dict, key: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        Turn(**wrong)
    assert refused.value.key == key and refused.value.said("zh") and refused.value.said("en")


# --- with a real coturn -----------------------------------------------------------------------------------------------

Coturn = Callable[..., Turn]


@pytest.fixture
def coturn(tmp_path: Path) -> Iterator[Coturn]:
    """Start a coturn with the file of deploy/coturn on loopback; more lines of configuration may be given."""
    binary = shutil.which("turnserver")
    if binary is None:
        pytest.skip("coturn is not installed (Debian package coturn)")
    started: list[subprocess.Popen[bytes]] = []

    def start(*more: str) -> Turn:
        port = free_port(socket.SOCK_DGRAM)
        text = CONFIG.read_text(encoding="utf-8").replace("listening-port=3478", f"listening-port={port}")
        lines = [text, "listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "allow-loopback-peers", "log-file=stdout", *more]
        lines += [f"pidfile={tmp_path}/pid", f"userdb={tmp_path}/db", "no-tls", "no-dtls"]
        (tmp_path / "turnserver.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        words = [binary, "-c", str(tmp_path / "turnserver.conf"), f"--static-auth-secret={SECRET}"]
        with (tmp_path / "log").open("wb") as log:
            started.append(subprocess.Popen(words, stdout=log, stderr=log, cwd=tmp_path))
        until_it_answers(port, started[-1], tmp_path / "log")
        return Turn((f"turn:127.0.0.1:{port}?transport=udp",), SECRET)

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


def until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    question = bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))
    end_s = time.monotonic() + 20.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        while time.monotonic() < end_s and process.poll() is None:
            probe.sendto(question, ("127.0.0.1", port))
            try:
                probe.recv(1000)
                return
            except OSError:
                continue
    pytest.fail(f"coturn did not start: {log.read_text(errors='replace')[-800:]}")


class Relayed(asyncio.DatagramProtocol):
    """A relay's end of a client, for asking coturn directly."""


async def relay(servers: IceServers) -> turn.TurnTransport:
    port = int(servers.urls[0].split(":")[2].split("?")[0])
    transport, _ = await turn.create_turn_endpoint(
        Relayed, ("127.0.0.1", port), servers.username, servers.credential
    )  # fmt: skip
    return transport


async def refused_with(work) -> int:
    """The error code with which coturn refuses."""
    with pytest.raises(stun.TransactionFailed) as refused:
        await work
    return refused.value.response.attributes["ERROR-CODE"][0]


async def close(*relays: turn.TurnTransport) -> None:
    for one in relays:
        await one._close()


@pytest.mark.sockets
async def test_coturn_takes_the_hubs_credential_until_it_ends_and_no_other(coturn: Coturn) -> None:
    servers = coturn().servers_for("A01", datetime.now(UTC))
    await close(await relay(servers))
    assert await refused_with(relay(replace(servers, credential=credential("another", servers.username)))) == 401
    over = coturn().servers_for("A01", datetime(2021, 4, 18, tzinfo=UTC))
    assert await refused_with(relay(over)) == 401


@pytest.mark.sockets
async def test_v17_1_1_the_relay_reaches_no_inner_address_but_the_one_that_is_allowed(coturn: Coturn) -> None:
    servers = coturn("allowed-peer-ip=127.0.0.1").servers_for("A01", datetime.now(UTC))
    own = await relay(servers)
    inner = ["10.0.0.8", "127.0.0.2", "169.254.169.254", "172.20.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0"]
    for number, address in enumerate(inner):
        client = own._TurnTransport__inner_protocol  # type: ignore[attr-defined]
        assert await refused_with(client.channel_bind(0x4000 + number, (address, 9))) == 403, address
    await client.channel_bind(0x4100, ("127.0.0.1", 9))
    await close(own)


@pytest.mark.sockets
async def test_v17_1_2_one_holder_of_a_credential_has_a_bounded_number_of_relays(coturn: Coturn) -> None:
    servers = coturn().servers_for("A01", datetime.now(UTC))
    relays = [await relay(servers) for _ in range(12)]
    assert await refused_with(relay(servers)) == 486
    other = coturn().servers_for("A02", datetime.now(UTC))
    relays.append(await relay(other))
    await close(*relays)


class RelayHub(Hub):
    """A hub that names TURN servers to those it knows."""

    turn: Turn = Turn()

    def ice(self, request) -> IceServers:
        name = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name not in ("vehicle", "board"):
            raise NotAllowed(what="ice", needs="token")
        return self.turn.servers_for(name, datetime.now(UTC))


@pytest.fixture
async def relay_hub(coturn: Coturn) -> AsyncIterator[RelayHub]:
    listen_on(["127.0.0.1"])
    serving = RelayHub()
    serving.turn = replace(coturn("allowed-peer-ip=127.0.0.1"), relay_only=True)
    await serving.start()
    yield serving
    await serving.stop()
    listen_on(None)


@pytest.mark.sockets
async def test_relays_only_carries_the_picture_and_tells_the_hub_no_address_of_a_peer(
    relay_hub: RelayHub, running: Running
) -> None:
    async with relay_hub.client("vehicle") as vehicle, relay_hub.client("board") as board:
        viewer = VideoViewer(board, "A01", wall_ms)
        running(VideoPublisher(vehicle, "A01", open_camera("scene", wall_ms)), viewer)
        await eventually(lambda: viewer.frames_shown >= 15, "pictures by way of the relay")
        for session in relay_hub.plane._sessions.values():
            offered = session.pc.remoteDescription.sdp
            assert "typ relay" in offered and "typ host" not in offered and "typ srflx" not in offered
        assert viewer.unstamped == 0
        await running.stop()


@pytest.mark.sockets
async def test_who_is_known_is_told_the_servers_as_json_and_as_links_and_others_are_not(relay_hub: RelayHub) -> None:
    path = "/api/v1/media/whep/A01"
    async with relay_hub.client("board") as board:
        told = await board.get("/api/v1/media/ice")
        links = (await board.options(path)).headers["link"]
    view = told.json()
    assert view["relay_only"] is True and told.headers["cache-control"] == "no-store"
    assert view["ice_servers"][0]["urls"] == relay_hub.turn.urls[0] and 'rel="ice-server"' in links
    async with httpx.AsyncClient(base_url=relay_hub.url, trust_env=False) as stranger:
        assert (await stranger.get("/api/v1/media/ice")).status_code == 403
        assert "link" not in (await stranger.options(path)).headers
