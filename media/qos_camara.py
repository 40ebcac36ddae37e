"""Ask a mobile network by CAMARA Quality-on-Demand, version 1 (sessions of a device towards our media server).

Source: camaraproject/QualityOnDemand, code/API_definitions/quality-on-demand.yaml (version 1, read on 2026-11-23). The
vehicle's device is told by phone number or address, as the operator and the owner of the vehicles agreed; the token
comes from a file that another process may renew. When to ask is `media.qos_keeper`'s.
"""

from __future__ import annotations

import asyncio
import email.utils
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from casebook.clock import WallClock
from casebook.errors import FeedLost, RefusedInput
from media.qos import Grant, Status, UplinkRefused

TIMEOUT_S = 8.0
ANSWER_BYTES_MAX = 256 * 1024
RETRY_S, RETRY_S_MAX = 60.0, 600.0
NOT_SOON_S = 300.0  # after a no that only a person can change
SINK_TOKEN_LASTS = timedelta(days=1)  # "should occur after the termination of the requested session"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# Create a session: status of the answer -> why, seconds. What else is 4xx: not_applicable.
NOES = {
    401: ("not_allowed", RETRY_S), 403: ("not_allowed", RETRY_S), 404: ("unknown_device", NOT_SOON_S),
    409: ("conflict", RETRY_S), 429: ("too_many", RETRY_S),
}  # fmt: skip
GONE = (404, 410)


class CamaraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file that ABOARD_QOD_FILE names. `url` ends with the version, as ``https://api.example/quality-on-demand/v1``.

    `devices`: vehicle -> {"phoneNumber": "+86..."} or {"ipv4Address": {...}}. `application_server`: where the media go,
    {"ipv4Address": "198.51.100.7"}. `profile` is the network's own, as QOS_L. `sink`: https address of this hub's
    /api/v1/uplink/events for the network's notifications, where it can reach it; without it the hub looks by itself.
    """

    url: str
    token_file: str
    devices: dict[str, dict[str, Any]]
    application_server: dict[str, str]
    profile: str = "QOS_L"
    duration_s: int = 1800
    sink: str = ""


class _Session(msgspec.Struct, rename="camel"):
    session_id: str
    qos_status: Status
    expires_at: datetime | None = None
    status_info: str = ""

    def as_grant(self) -> Grant:
        return Grant(self.session_id, self.qos_status, self.expires_at, self.status_info == "DURATION_EXPIRED")


def read_camara_settings(file: Path) -> CamaraSettings:
    """Raises RefusedInput (`qod_settings`) saying what is wrong."""
    try:
        told = msgspec.json.decode(file.read_bytes(), type=CamaraSettings)
    except (OSError, msgspec.DecodeError) as wrong:
        raise RefusedInput("qod_settings", file=file.name, why=str(wrong)) from wrong
    url = urlsplit(told.url)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise RefusedInput("qod_settings", file=file.name, why="url: https")  # a token in the clear is everybody's
    if told.sink and urlsplit(told.sink).scheme != "https":
        raise RefusedInput("qod_settings", file=file.name, why="sink: https")
    return told


class Camara:
    """The driver. `sink_token` lets the network's notifications in."""

    def __init__(self, settings: CamaraSettings, *, sink_token: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._settings, self._sink_token = settings, sink_token
        self._client = httpx.AsyncClient(timeout=timeout_s, trust_env=False)

    def knows(self, unit: str) -> bool:
        return unit in self._settings.devices

    async def ask(self, unit: str) -> Grant:
        answer = await self._send("POST", "/sessions", self._wish(unit))
        if answer.status_code != 201:
            raise self._no(answer)
        return _read(answer, _Session).as_grant()

    async def find(self, unit: str) -> Grant | None:
        answer = await self._send("POST", "/retrieve-sessions", {"device": self._settings.devices[unit]})
        if answer.status_code in GONE:
            return None
        if answer.status_code != 200:
            raise self._no(answer)
        found = _read(answer, list[_Session])
        live = [one for one in found if one.qos_status is not Status.UNAVAILABLE]
        return next((one.as_grant() for one in [*live, *found]), None)

    async def look(self, session: str) -> Grant | None:
        return await self._session("GET", _path(session))

    async def extend(self, session: str) -> Grant | None:
        more = {"requestedAdditionalDuration": self._settings.duration_s}
        return await self._session("POST", f"{_path(session)}/extend", more)

    async def give_back(self, session: str) -> None:
        answer = await self._send("DELETE", _path(session))
        if answer.status_code not in (200, 202, 204, *GONE):
            raise self._no(answer)

    async def close(self) -> None:
        await self._client.aclose()

    def _wish(self, unit: str) -> dict[str, Any]:
        told = self._settings
        wish: dict[str, Any] = {
            "device": told.devices[unit], "applicationServer": told.application_server, "qosProfile": told.profile,
            "duration": told.duration_s,
        }  # fmt: skip
        if told.sink and self._sink_token:
            ends = WallClock().now() + SINK_TOKEN_LASTS
            credential = {"credentialType": "ACCESSTOKEN", "accessTokenType": "bearer"}
            credential |= {"accessToken": self._sink_token, "accessTokenExpiresUtc": ends.isoformat()}
            wish |= {"sink": told.sink, "sinkCredential": credential}
        return wish

    async def _session(self, method: str, path: str, body: Any = None) -> Grant | None:
        answer = await self._send(method, path, body)
        if answer.status_code in GONE:
            return None
        if answer.status_code != 200:
            raise self._no(answer)
        return _read(answer, _Session).as_grant()

    async def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await asyncio.to_thread(self._token)}"}
        try:
            answer = await self._client.request(method, self._settings.url + path, json=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as why:
            raise FeedLost("uplink_silent", why=type(why).__name__) from why
        if answer.status_code >= 500 or len(answer.content) > ANSWER_BYTES_MAX:
            raise FeedLost("uplink_silent", why=f"HTTP {answer.status_code}")
        return answer

    def _token(self) -> str:
        try:
            return Path(self._settings.token_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as why:
            raise UplinkRefused(why="not_allowed", retry_s=RETRY_S) from why

    @staticmethod
    def _no(answer: httpx.Response) -> UplinkRefused:
        why, retry_s = NOES.get(answer.status_code, ("not_applicable", NOT_SOON_S))
        return UplinkRefused(why=why, retry_s=retry_after_s(answer.headers.get("retry-after", ""), retry_s))


def retry_after_s(told: str, default_s: float) -> float:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3: seconds or a date), bounded; the default for none."""
    if told.isascii() and told.isdigit():
        return min(RETRY_S_MAX, max(1.0, float(told[:9])))
    try:
        at = email.utils.parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return default_s
    return min(RETRY_S_MAX, max(1.0, at.timestamp() - WallClock().now().timestamp()))


def _path(session: str) -> str:
    return f"/sessions/{quote(session, safe='')}"


def _read(answer: httpx.Response, kind: Any) -> Any:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise FeedLost("uplink_silent", why="bad_json") from wrong
