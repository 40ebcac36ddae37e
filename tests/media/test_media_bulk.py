"""A file comes in pieces, whenever they come, and is whole or not there: cut anywhere, repeated, forged, too large."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.door import make_app, token_of
from casebook.errors import NotAllowed, NotFound
from media.bulk import FORGET_S, FREE_BYTES, BulkStore, Claim
from media.bulk_door import PREFIX, bulk_router
from media.file_types import HEAD_BYTES, TYPES, FileType, type_of

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}
PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20


class Hub:
    """The door on a folder; tokens are vehicles' names. `kept`: what was told as whole."""

    def __init__(self, folder: Path, **how: Any) -> None:
        self.store = BulkStore(folder, **how)
        self.kept: list[tuple[str, str]] = []
        self.app = make_app("files")
        self.app.include_router(bulk_router(self.store, self.may, self.keep, self.find))

    def may(self, request: Request, claim: Claim) -> None:
        if token_of(request) != claim.unit:
            raise NotAllowed(what="files", needs=claim.unit)

    async def keep(self, claim: Claim, kind: FileType) -> None:
        self.kept.append((claim.sha256, kind.media))

    def find(self, request: Request, sha256: str) -> tuple[str, str]:
        if not any(sha256 == one for one, _ in self.kept):
            raise NotFound(what="file", id=sha256)
        return "image/jpeg", "A-photo"

    def client(self, unit: str = "A01") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {unit}"}
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://hub", headers=headers)


def said(content: bytes, unit: str = "A01", length: int | None = None, **more: str) -> dict[str, str]:
    told = {
        "unit": unit, "casualty": "I1-A", "kind": "photo", "sha256": hashlib.sha256(content).hexdigest(),
        "taken_at": datetime(2021, 4, 18, tzinfo=UTC).isoformat(),
    } | more  # fmt: skip
    coded = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
    return TUS | {"Upload-Length": str(len(content) if length is None else length), "Upload-Metadata": coded}


def kept_in(folder: Path, but: str = "") -> list[str]:
    """The suffixes of the files there."""
    return [file.suffix for file in folder.iterdir() if file.is_file() and file.suffix != but]


async def send(client: httpx.AsyncClient, content: bytes, headers: dict[str, str], cuts: list[int]) -> httpx.Response:
    """The whole file in pieces; each asks first where to go on."""
    answer = await client.post(PREFIX, headers=headers)
    assert answer.status_code == 201, answer.text
    where = answer.headers["Location"]
    for end in [*sorted(cuts), len(content)]:
        offset = int((await client.head(where, headers=TUS)).headers["Upload-Offset"])
        piece = PIECE | {"Upload-Offset": str(offset)}
        answer = await client.patch(where, content=content[offset:end], headers=piece)
        if not answer.is_success:
            break
    return answer


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(PHOTO)), max_size=8), st.sets(st.integers(0, 8), max_size=3))
def test_cut_anywhere_and_with_the_hub_begun_anew_in_between_the_file_is_whole_and_told_once(
    tmp_path_factory, cuts, restarts
):
    folder = tmp_path_factory.mktemp("files")

    async def story() -> None:
        hub, told = Hub(folder), []
        async with hub.client() as client:
            where = (await client.post(PREFIX, headers=said(PHOTO))).headers["Location"]
        for n, end in enumerate([*sorted(cuts), len(PHOTO)]):
            if n in restarts:
                told += hub.kept
                hub = Hub(folder)
            async with hub.client() as client:
                offset = int((await client.head(where, headers=TUS)).headers["Upload-Offset"])
                headers = PIECE | {"Upload-Offset": str(offset)}
                answer = await client.patch(where, content=PHOTO[offset:end], headers=headers)
                assert answer.status_code == 204 and answer.headers["Upload-Offset"] == str(max(offset, end))
        told += hub.kept
        digest = hashlib.sha256(PHOTO).hexdigest()
        assert set(told) == {(digest, "image/jpeg")}
        whole = hub.store.find_whole(digest)
        assert whole is not None and whole.read_bytes() == PHOTO

    asyncio.run(story())


async def test_a_piece_that_breaks_off_counts_as_far_as_it_came(tmp_path: Path):
    hub = Hub(tmp_path)

    async def breaks_off():
        yield PHOTO[:1000]
        raise httpx.ReadError("the tunnel")

    async with hub.client() as client:
        where = (await client.post(PREFIX, headers=said(PHOTO))).headers["Location"]
        with pytest.raises(httpx.ReadError):
            await client.patch(where, content=breaks_off(), headers=PIECE | {"Upload-Offset": "0"})
        assert (await client.head(where, headers=TUS)).headers["Upload-Offset"] == "1000"
        assert (await send(client, PHOTO, said(PHOTO), [])).status_code == 204
    assert len(hub.kept) == 1


async def test_the_same_file_sent_twice_is_there_once_and_costs_nothing_the_second_time(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client:
        await send(client, PHOTO, said(PHOTO), [])
        again = await client.post(PREFIX, headers=said(PHOTO))
        assert again.headers["Upload-Offset"] == str(len(PHOTO))
    assert kept_in(tmp_path) == [".jpg"]


async def test_to_know_a_digest_is_not_to_have_the_file(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client, hub.client("B02") as other:
        await send(client, PHOTO, said(PHOTO), [])
        guessed = await other.post(PREFIX, headers=said(PHOTO, unit="B02"))
        assert guessed.headers["Upload-Offset"] == "0"
        assert len(hub.kept) == 1


async def test_another_digest_than_announced_is_refused_and_the_next_try_begins_anew(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client:
        forged = PHOTO[:-1] + b"!"
        answer = await send(client, forged, said(PHOTO), [100])
        assert answer.status_code == 460 and answer.json()["error"] == "file_digest"
        assert hub.kept == [] and hub.store.find_whole(hashlib.sha256(PHOTO).hexdigest()) is None
        assert (await send(client, PHOTO, said(PHOTO), [])).status_code == 204
    assert len(hub.kept) == 1


async def test_what_is_too_large_or_more_than_announced_is_refused(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client:
        assert (await client.post(PREFIX, headers=said(PHOTO, length=100_000_001))).status_code == 413
        assert (await client.post(PREFIX, headers=said(PHOTO, length=0))).status_code == 422
        for_a_picture = said(PHOTO, length=20_000_001)
        where = (await client.post(PREFIX, headers=for_a_picture)).headers["Location"]
        answer = await client.patch(where, content=PHOTO, headers=PIECE | {"Upload-Offset": "0"})
        assert answer.status_code == 413, "a clip may be so large, a picture not"
        where = (await client.post(PREFIX, headers=said(PHOTO, length=100))).headers["Location"]
        answer = await client.patch(where, content=PHOTO, headers=PIECE | {"Upload-Offset": "0"})
        assert answer.status_code == 413 and hub.kept == []


@pytest.mark.parametrize("content", [b"MZ" + bytes(100), b"<html><script>" + bytes(100), b"GIF89a" + bytes(100), b"x"])
async def test_the_first_bytes_tell_the_type_whatever_the_name(tmp_path: Path, content: bytes):
    hub = Hub(tmp_path)
    async with hub.client() as client:
        answer = await send(client, content, said(content), [3])
        assert answer.status_code == 415 and answer.json()["error"] == "file_type"
    assert hub.kept == [] and kept_in(tmp_path) == kept_in(tmp_path / "parts", but=".json") == []


def test_every_type_is_known_by_its_first_bytes():
    for one in TYPES:
        head = bytes(one.at) + one.magic
        assert type_of(head.ljust(HEAD_BYTES, b"\0")) is one


async def test_another_vehicles_upload_is_not_for_this_one(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client, hub.client("B02") as other:
        where = (await client.post(PREFIX, headers=said(PHOTO))).headers["Location"]
        assert (await other.post(PREFIX, headers=said(PHOTO))).status_code == 403
        assert (await other.head(where, headers=TUS)).status_code == 403
        assert (await other.patch(where, content=b"x", headers=PIECE | {"Upload-Offset": "0"})).status_code == 403
        assert (await client.head(where, headers=TUS)).headers["Upload-Offset"] == "0"


async def test_without_room_the_hub_says_so_and_keeps_what_it_has(tmp_path: Path, monkeypatch):
    room = [FREE_BYTES + len(PHOTO)]
    hub = Hub(tmp_path, free_bytes=lambda folder: room[0])
    async with hub.client() as client:
        where = (await client.post(PREFIX, headers=said(PHOTO))).headers["Location"]
        await client.patch(where, content=PHOTO[:1000], headers=PIECE | {"Upload-Offset": "0"})
        real = Path.open

        def full(self: Path, mode: str = "r", *args, **kwargs):
            if mode == "ab":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(self, mode, *args, **kwargs)

        with monkeypatch.context() as disk:
            disk.setattr(Path, "open", full)
            answer = await client.patch(where, content=PHOTO[1000:], headers=PIECE | {"Upload-Offset": "1000"})
            assert answer.status_code == 507 and answer.json()["error"] == "files_no_room"
        room[0] -= 1
        assert (await client.post(PREFIX, headers=said(PHOTO))).status_code == 507
        answer = await client.patch(where, content=PHOTO[1000:], headers=PIECE | {"Upload-Offset": "1000"})
        assert answer.status_code == 204 and len(hub.kept) == 1


async def test_what_does_not_follow_or_is_no_tus_is_refused_by_name(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client:
        told = (await client.options(PREFIX)).headers
        assert told["Tus-Version"] == "1.0.0" and told["Tus-Extension"] == "creation"
        where = (await client.post(PREFIX, headers=said(PHOTO))).headers["Location"]
        ahead = await client.patch(where, content=b"x", headers=PIECE | {"Upload-Offset": "7"})
        assert ahead.status_code == 409 and ahead.json()["facts"]["offset"] == 0
        old = PIECE | {"Upload-Offset": "0", "Tus-Resumable": "0.2.2"}
        assert (await client.patch(where, content=b"x", headers=old)).status_code == 412
        typed = PIECE | {"Upload-Offset": "0", "Content-Type": "image/jpeg"}
        assert (await client.patch(where, content=b"x", headers=typed)).status_code == 415
        assert (await client.post(PREFIX, headers=said(PHOTO, kind="exe"))).status_code == 422
        assert (await client.post(PREFIX, headers=said(PHOTO, sha256="../../book"))).status_code == 422
        assert (await client.head(f"{PREFIX}/upload/{'f' * 40}", headers=TUS)).status_code == 404


async def test_a_file_is_given_as_attachment_and_never_sniffed(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client:
        await send(client, PHOTO, said(PHOTO), [])
        answer = await client.get(f"{PREFIX}/{hashlib.sha256(PHOTO).hexdigest()}")
        assert answer.content == PHOTO and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="A-photo.jpg"')
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert (await client.get(f"{PREFIX}/{'0' * 64}")).status_code == 404


async def test_a_piece_that_nobody_goes_on_with_is_forgotten_and_can_begin_anew(tmp_path: Path):
    hub = Hub(tmp_path)
    async with hub.client() as client:
        where = (await client.post(PREFIX, headers=said(PHOTO))).headers["Location"]
        now_s = max(file.stat().st_mtime for file in (tmp_path / "parts").iterdir())
        assert hub.store.forget(now_s + FORGET_S - 1) == []
        assert len(hub.store.forget(now_s + FORGET_S + 1)) == 1
        assert (await client.head(where, headers=TUS)).status_code == 404
        assert (await send(client, PHOTO, said(PHOTO), [])).status_code == 204
