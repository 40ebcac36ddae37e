"""Send the hub what the crew handed in, piece by piece, after everything live; go on wherever it broke off.

Of the link at most a quarter of the time is used, and at most what the quality ladder spares: nothing while it is too
thin for stills. What the hub refuses for good is kept with its reason and not sent again; what it cannot take now (no
room, a casualty whose facts are still on their way) is tried later, after the others.
Keeping is `file_spool`'s, the protocol tus 1.0 (`media/bulk_door.py`).
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable

import httpx

from ambulance_unit.file_spool import Spool, Waiting
from media.quality import FIRST_VIDEO, RUNGS

log = logging.getLogger(__name__)

PREFIX = "/api/v1/files"
TUS = {"Tus-Resumable": "1.0.0"}
BPS_MAX = 1_000_000  # beside moving pictures
REST_TIMES = 3  # a piece that took a second is followed by a rest of three
IDLE_S, THIN_S, DOWN_S, LATER_S = 0.5, 1.0, 5.0, 15.0
STILLS = "stills"
FOR_GOOD = (400, 409, 413, 415, 422, 460)  # no use in sending it again as it is
LATER = (403, 404, 507)  # not now
_AGAIN = 2  # how often a file may be begun anew because not all came as it was


class FileUpload:
    """`client` brings the hub's base URL and the vehicle's token; `spare_bps` says what files may take now, 0: none."""

    def __init__(
        self, client: httpx.AsyncClient, unit: str, spool: Spool, spare_bps: Callable[[], int] = lambda: BPS_MAX
    ) -> None:
        self._client, self._unit, self.spool, self._spare_bps = client, unit, spool, spare_bps
        self._begun: dict[str, int] = {}
        self._later_s: dict[str, float] = {}  # name -> until when it is passed over

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            wait_s = await self.once()
            await asyncio.sleep(wait_s)

    async def once(self) -> float:
        """Send what comes first, as far as it goes; how long to wait then, in seconds."""
        now_s = asyncio.get_running_loop().time()
        self._later_s = {name: until_s for name, until_s in self._later_s.items() if until_s > now_s}
        one = self.spool.next(self._later_s)
        if one is None:
            return IDLE_S
        if not self._spare_bps():
            return THIN_S
        try:
            return await self._send(one)
        except (httpx.HTTPError, OSError) as why:
            log.debug("a file of %s: %s", self._unit, why)
            self.spool.change(one, state="waiting")
            return DOWN_S

    async def _send(self, one: Waiting) -> float:
        answer = await self._client.post(PREFIX, headers=TUS | self._said(one))
        if not answer.is_success:
            return await self._refused(one, answer)
        where, offset = answer.headers["Location"], int(answer.headers["Upload-Offset"])
        while offset < one.bytes:
            self.spool.change(one, state="sending", sent=offset)
            if not (spare := self._spare_bps()):
                self.spool.change(one, state="waiting")
                return THIN_S
            began_s = asyncio.get_running_loop().time()
            piece = await asyncio.to_thread(self._piece, one, offset)
            headers = TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            answer = await self._client.patch(where, content=piece, headers=headers)
            if answer.status_code == 409:  # what the hub has is not what we thought: it knows
                return 0.0 if self._may_begin_anew(one) else await self._refused(one, answer)
            if not answer.is_success:
                return await self._refused(one, answer)
            offset = int(answer.headers["Upload-Offset"])
            took_s = asyncio.get_running_loop().time() - began_s
            if offset < one.bytes:
                await asyncio.sleep(max(took_s * REST_TIMES, len(piece) * 8 / spare - took_s))
        await asyncio.to_thread(self.spool.remove, one)
        return 0.0

    def _piece(self, one: Waiting, offset: int) -> bytes:
        try:
            if piece := self.spool.read(one, offset):
                return piece
        except ValueError as why:
            raise OSError(str(why)) from why
        raise OSError("the file is shorter than it was")

    def _said(self, one: Waiting) -> dict[str, str]:
        told = {
            "unit": self._unit, "casualty": one.casualty, "kind": one.kind, "sha256": one.sha256,
            "taken_at": one.taken_at.isoformat(),
        }  # fmt: skip
        coded = (f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
        return {"Upload-Length": str(one.bytes), "Upload-Metadata": ",".join(coded)}

    async def _refused(self, one: Waiting, answer: httpx.Response) -> float:
        """What the hub will never take stays here with its reason; anything else is tried again."""
        why = _word_of(answer)
        if answer.status_code == 460 and self._may_begin_anew(one):
            return 0.0
        if answer.status_code in FOR_GOOD:
            log.warning("the hub refuses a file of %s: %s", self._unit, why)
            await asyncio.to_thread(lambda: self.spool.change(one, lasting=True, state="refused", why=why))
            return 0.0
        if answer.status_code in LATER:
            self._later_s[one.name] = asyncio.get_running_loop().time() + LATER_S
            self.spool.change(one, state="waiting", why=why)
            return 0.0
        self.spool.change(one, state="waiting")
        return DOWN_S

    def _may_begin_anew(self, one: Waiting) -> bool:
        self._begun[one.name] = self._begun.get(one.name, 0) + 1
        return self._begun[one.name] <= _AGAIN


def spare_bps(rung: str | None) -> int:
    """What files may take while this rung of the quality ladder is in force; None: no picture is sent at all."""
    places = {one.name: place for place, one in enumerate(RUNGS)}
    if rung is None or places.get(rung, FIRST_VIDEO) >= FIRST_VIDEO:
        return BPS_MAX
    if places[rung] < places[STILLS]:
        return 0
    return round(RUNGS[places[STILLS]].kbps * 1000)


def _word_of(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"http_{answer.status_code}"
