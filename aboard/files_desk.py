"""Put the doors for large files at a hub: who may hand in and see them, and the fact that each is here, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request

from casebook import events as e
from casebook.access import Badge, Role, need, need_unit
from casebook.clock import WallClock
from casebook.door import badge_of
from casebook.errors import IllegalStep, NotAllowed, NotFound
from casebook.log import By
from casebook.picture import CasualtyState, Picture
from hospital_board.cases import is_own
from media.bulk import BulkStore, Claim
from media.bulk_door import bulk_router
from media.file_types import FileType
from media.sealed_file import DiskSeal

if TYPE_CHECKING:
    from aboard.hub import Hub

FILES_MAX = 100  # of one casualty
FORGET_EVERY_S = 3600.0


class FilesDesk:
    def __init__(self, hub: Hub, store: BulkStore) -> None:
        self._hub, self._store = hub, store
        hub.app.include_router(bulk_router(store, self._may, self._kept, self._find))

    async def run(self) -> None:
        """Forget, now and then, what nobody went on sending."""
        while True:
            await asyncio.to_thread(self._store.forget, WallClock().now().timestamp())
            await asyncio.sleep(FORGET_EVERY_S)

    def _may(self, request: Request, claim: Claim) -> None:
        """A vehicle hands in what belongs to a casualty that it carries or carried, or of its incident."""
        badge = badge_of(self._hub.gate, request)
        need(badge, Role.PARAMEDIC, what="files")
        need_unit(badge, claim.unit, "files")
        picture = self._hub.book.picture
        state, unit = picture.get_casualty(claim.casualty), picture.get_unit(claim.unit)
        if state.unit != unit.id and state.incident != unit.incident:
            raise NotAllowed("not_allowed", what="files", needs=f"{Role.PARAMEDIC} {state.unit or '-'}")
        if len(state.files) >= FILES_MAX and claim.sha256 not in state.files:
            raise IllegalStep("files_full", limit=FILES_MAX)

    async def _kept(self, claim: Claim, kind: FileType) -> None:
        def decide(picture: Picture) -> list[e.Event]:
            if claim.sha256 in picture.get_casualty(claim.casualty).files:
                return []
            return [
                e.FileReceived(
                    claim.casualty, claim.unit, claim.kind, kind.media, claim.sha256, claim.bytes, claim.taken_at
                )
            ]

        await self._hub.book.write(decide, By(str(Role.PARAMEDIC), claim.unit, "upload"))

    def _find(self, request: Request, sha256: str) -> tuple[str, str]:
        """The ward of a case with this file, dispatch and director may see it. Raises NotAllowed, NotFound."""
        badge = badge_of(self._hub.gate, request)
        owners = [state for state in self._hub.book.picture.casualties.values() if sha256 in state.files]
        _need_case(badge, owners)
        if not owners:
            raise NotFound(what="file", id=sha256[:64])
        _, told = owners[0].files[sha256]
        return told.media_type, f"{owners[0].label}-{told.kind}-{told.taken_at:%Y%m%dT%H%M%S}"


def _need_case(badge: Badge, owners: list[CasualtyState]) -> None:
    if badge.role is not Role.ED:
        need(badge, Role.DISPATCHER, what="file")
    elif not any(is_own(state, badge.hospital) for state in owners):
        raise NotAllowed("not_allowed", what="file", needs=f"{Role.ED} of the receiving hospital")


def add_files(hub: Hub, folder: Path, seal: DiskSeal) -> None:
    """/api/v1/files on the hub's port; what comes is kept in FOLDER/files."""
    hub.works.append(FilesDesk(hub, BulkStore(folder / "files", seal=seal)).run)
