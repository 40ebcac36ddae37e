"""What the crew hands in is on the vehicle's disk first, sealed where there is a key, until the hub has it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from ambulance_unit.file_spool import FREE_BYTES, PIECE_BYTES, NoRoom, Spool
from ambulance_unit.file_upload import BPS_MAX, FileUpload, spare_bps
from casebook.door import make_app
from casebook.errors import NotFound
from media.bulk import BulkStore, Claim
from media.bulk_door import bulk_router
from media.file_types import FileType, TooLarge, WrongType
from media.quality import RUNGS

AT = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
KEY = bytes(range(32))
PHOTO = b"\xff\xd8\xff\xe0" + b"the patient's face" * 9000  # 162 kB, three pieces


class Hub:
    """The hub's door behind a link that breaks off: `cuts` are byte counts of single requests, then it holds."""

    def __init__(self, folder: Path) -> None:
        self.store, self.kept, self.knows = BulkStore(folder), [], {"I1-A"}
        self.app = make_app("files")
        self.app.include_router(bulk_router(self.store, self.may, self.keep, lambda request, sha256: ("", "")))
        self.cuts: list[int] = []
        self.requests = 0

    def may(self, request: Request, claim: Claim) -> None:
        if claim.casualty not in self.knows:
            raise NotFound(what="casualty", id=claim.casualty)

    async def keep(self, claim: Claim, kind: FileType) -> None:
        self.kept.append(claim.sha256)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=Breaking(self), base_url="http://hub")


class Breaking(httpx.AsyncBaseTransport):
    def __init__(self, hub: Hub) -> None:
        self._hub, self._inner = hub, httpx.ASGITransport(hub.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._hub.requests += 1
        if self._hub.cuts and request.method == "PATCH":
            whole = await request.aread()
            came = whole[: self._hub.cuts.pop(0)]
            cut = httpx.Request(request.method, request.url, headers=dict(request.headers), content=came)
            cut.headers["content-length"] = str(len(came))
            await self._inner.handle_async_request(cut)
            raise httpx.ReadError("the tunnel")
        return await self._inner.handle_async_request(request)


async def until_sent(upload: FileUpload, tries: int = 60) -> None:
    for _ in range(tries):
        if upload.spool.told() is None:
            return
        await upload.once()
    pytest.fail(f"never sent: {upload.spool.told()}")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rests between pieces: nothing live is here to be kept waiting."""
    monkeypatch.setattr("ambulance_unit.file_upload.REST_TIMES", 0)
    monkeypatch.setattr("ambulance_unit.file_upload.BPS_MAX", 10**12)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, PIECE_BYTES), max_size=6), st.booleans(), st.booleans())
def test_through_outages_and_restarts_of_both_sides_the_file_arrives_once(tmp_path_factory, cuts, sealed, restart):
    folder, key = tmp_path_factory.mktemp("unit"), KEY if sealed else b""

    async def story() -> None:
        hub = Hub(folder / "hub")
        hub.cuts = list(cuts)
        Spool(folder / "spool", key).add(PHOTO, "I1-A", "photo", AT)
        kept = []
        for _ in range(30):
            if (spool := Spool(folder / "spool", key)).told() is None:
                break
            async with hub.client() as client:
                await FileUpload(client, "A01", spool, lambda: 10**12).once()
            if restart:
                kept += hub.kept
                left, hub = hub.cuts, Hub(folder / "hub")
                hub.cuts = left
        (sha256,) = set(kept + hub.kept)  # told again where the answer was lost: the book writes it once
        whole = hub.store.find_whole(sha256)
        assert whole is not None and whole.read_bytes() == PHOTO
        assert list((folder / "spool").iterdir()) == []

    asyncio.run(story())


def test_with_a_key_nothing_of_a_file_can_be_read_on_the_disk(tmp_path: Path):
    spool = Spool(tmp_path, KEY)
    one = spool.add(PHOTO, "I1-A", "photo", AT)
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"patient" not in written and b"I1-A" not in written and len(written) > len(PHOTO)
    again = Spool(tmp_path, KEY)
    assert again.told() == spool.told()
    read = b"".join(again.read(one, at) for at in range(0, len(PHOTO), PIECE_BYTES))
    assert read == PHOTO and again.read(one, 70_000) == PHOTO[70_000 : 2 * PIECE_BYTES]
    assert Spool(tmp_path, bytes(32)).unreadable == 1, "another key opens nothing, and takes nothing for whole"
    file = next(tmp_path.glob("*.file"))
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match="seal"):
        Spool(tmp_path, KEY).read(one, 2 * PIECE_BYTES)


def test_what_a_power_cut_left_half_written_is_no_file(tmp_path: Path):
    one = Spool(tmp_path).add(PHOTO, "I1-A", "photo", AT)
    (tmp_path / f"{one.name}.file").write_bytes(PHOTO[:100])
    spool = Spool(tmp_path)
    assert spool.told() is None and spool.unreadable == 1


def test_what_is_no_file_of_ours_or_too_large_is_refused_before_it_is_written(tmp_path: Path):
    spool = Spool(tmp_path)
    for content, wrong in ((b"MZ" + bytes(99), WrongType), (b"\xff\xd8\xff" + bytes(20_000_000), TooLarge)):
        with pytest.raises(wrong):
            spool.add(content, "I1-A", "photo", AT)
    full = Spool(tmp_path, free_bytes=lambda folder: FREE_BYTES)
    with pytest.raises(NoRoom):
        full.add(PHOTO, "I1-A", "photo", AT)
    assert list(tmp_path.iterdir()) == []


def test_files_wait_while_the_link_is_too_thin_for_stills():
    allowed = {rung.name: spare_bps(rung.name) for rung in RUNGS}
    assert [name for name, bps in allowed.items() if not bps] == ["voice", "vitals", "twelve_lead"]
    assert allowed["stills"] == 40_000 < spare_bps(None), "without a camera there is room enough"


async def test_a_thin_link_is_asked_for_nothing(tmp_path: Path):
    hub, spare = Hub(tmp_path / "hub"), [0]
    spool = Spool(tmp_path / "spool")
    spool.add(PHOTO, "I1-A", "photo", AT)
    async with hub.client() as client:
        upload = FileUpload(client, "A01", spool, lambda: spare[0])
        await upload.once()
        assert hub.requests == 0
        spare[0] = BPS_MAX * 10**6
        await until_sent(upload)
    assert len(hub.kept) == 1


async def test_a_file_whose_casualty_the_hub_does_not_know_yet_lets_the_next_one_pass(tmp_path: Path):
    hub, spool = Hub(tmp_path / "hub"), Spool(tmp_path / "spool")
    spool.add(PHOTO, "I1-B", "photo", AT)
    spool.add(b"%PDF-1.7" + bytes(3000), "I1-A", "strip_12lead", AT + timedelta(seconds=5))
    async with hub.client() as client:
        upload = FileUpload(client, "A01", spool, lambda: 10**12)
        for _ in range(4):
            await upload.once()
        (waiting,) = spool.told() or []
        assert (waiting["casualty"], waiting["state"], waiting["why"]) == ("I1-B", "waiting", "not_found")
        assert len(hub.kept) == 1
        hub.knows.add("I1-B")
        await until_sent(FileUpload(client, "A01", Spool(tmp_path / "spool"), lambda: 10**12))
    assert len(hub.kept) == 2


async def test_what_the_hub_refuses_for_good_stays_with_its_reason_also_after_a_restart(tmp_path: Path, monkeypatch):
    hub, spool = Hub(tmp_path / "hub"), Spool(tmp_path / "spool")
    one = spool.add(PHOTO, "I1-A", "photo", AT)
    file = tmp_path / "spool" / f"{one.name}.file"
    file.write_bytes(b"\xff\xd8\xff\xe0" + bytes(len(PHOTO) - 4))  # altered on the disk, where nothing seals it
    async with hub.client() as client:
        upload = FileUpload(client, "A01", spool, lambda: 10**12)
        for _ in range(8):
            await upload.once()
    (told,) = Spool(tmp_path / "spool").told() or []
    assert (told["state"], told["why"]) == ("refused", "file_digest") and hub.kept == []
