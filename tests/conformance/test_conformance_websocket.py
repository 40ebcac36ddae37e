"""The hub's own WebSocket server under the cases of the Autobahn test suite, as `kosoku` plays them.

Left out: 9 (messages up to 16 MB; ours ends at 1 MB, with 1009), 12 and 13 (compression, which is off).
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys

import pytest
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from aboard.serving import Listening, serving

CASES = 247
# A close in the middle of a fragmented message: `websockets` answers 1002, for a message that never ended; the suite
# wants 1000. Either way the connection is over and the message was handed to nobody.
KNOWN = {"7.1.5"}
PLAY = """
import asyncio, json, sys
import kosoku
async def play():
    try:
        results = await kosoku.run_fuzzingclient(sys.argv[1], exclude_cases=["9.*", "12.*", "13.*"], concurrency=4)
    except kosoku.FailureError as wrong:
        results = wrong.results
    return {one.case_id: [one.passed, one.behavior.value, one.result_close] for one in results}
print(json.dumps(asyncio.run(play())))
"""

pytestmark = [
    pytest.mark.sockets,
    pytest.mark.skipif(importlib.util.find_spec("kosoku") is None, reason="kosoku has no wheel for this machine"),
]


def echoing() -> FastAPI:
    """What the suite talks to: every message comes back as it was."""
    app = FastAPI()

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                if (text := message.get("text")) is not None:
                    await socket.send_text(text)
                else:
                    await socket.send_bytes(message["bytes"])
        except (WebSocketDisconnect, RuntimeError):
            return  # the case ended it

    return app


async def test_the_hubs_sockets_keep_to_rfc_6455_in_every_case_but_the_known_one():
    """In a process of its own: the suite bends Python's import path to play its cases."""
    async with serving(echoing(), Listening()) as url:
        address = f"{url.replace('http', 'ws', 1)}/echo"
        player = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PLAY, address, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await player.communicate()
    results = json.loads(said.splitlines()[-1])
    failed = {case: told for case, (passed, *told) in results.items() if not passed}
    assert len(results) == CASES and set(failed) <= KNOWN, failed
