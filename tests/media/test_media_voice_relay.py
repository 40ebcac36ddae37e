"""Where peers may use nothing but relays, the talk goes through them too: two Chromium pages, a real coturn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from test_media_turn import Coturn, coturn
from test_media_voice_browser import browser, open_page, until
from voice_stage import VoiceHub, vehicle_of

from media.aiortc_private import listen_on
from media.turn import Turn
from media.voice_offer import LINES

__all__ = ["browser", "coturn"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.sockets]


class RelayOnly(VoiceHub):
    """A hub of the talk that names a TURN server, and nothing but it."""

    def name(self, turn: Turn) -> None:
        app: Any = self.serving._server.config.app

        @app.get("/api/v1/media/ice")
        def ice() -> dict[str, Any]:
            return turn.servers_for("crew", datetime.now(UTC)).as_view()


@pytest.fixture
async def hub(coturn: Coturn) -> AsyncIterator[RelayOnly]:
    listen_on(["127.0.0.1"])
    serving = RelayOnly()
    serving.name(replace(coturn("allowed-peer-ip=127.0.0.1"), relay_only=True))
    await serving.start()
    yield serving
    await serving.stop()
    listen_on(None)


async def test_crew_and_ward_talk_by_way_of_the_relay_and_tell_the_hub_no_address_of_theirs(
    hub: RelayOnly, browser: Any
) -> None:
    vehicle, client = vehicle_of(hub)
    await vehicle.start()
    pages = [await open_page(browser, vehicle.url, "tablet"), await open_page(browser, hub.url, "ward")]
    for page in pages:
        await page.evaluate("press('join')")
    for page in pages:
        await until(page, "panel.voice.state === 'on' && panel.voice.parties.length === 2")
        assert await page.evaluate("panel.voice.link.pc.getConfiguration().iceTransportPolicy") == "relay"
    await pages[0].evaluate("press('open')")
    await until(pages[1], "grown(1)")
    for page in pages:
        assert await page.evaluate("panel.voice.link.connections") == 1, "at the first try"
    for party in hub.plane._parties.values():
        offered = party.pc.remoteDescription.sdp
        assert offered.count("a=candidate:") <= LINES, "all lines share one: a holder may have twelve"
        assert "typ relay" in offered and "typ host" not in offered and "typ srflx" not in offered
    for page in pages:
        await page.evaluate("press('leave')")
    await vehicle.stop()
    await client.aclose()
