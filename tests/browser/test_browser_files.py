"""The crew hands in a photo on the tablet; the ward sees it in the consult, whole, and the log says whose it is."""

from __future__ import annotations

import hashlib

import cv2
import httpx
import pytest
from guidance_stage import UNIT, A
from open_screens import open_page

from casebook.access import Badge, Role
from media.roadside import RoadsideScene

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

OTHER = Badge(Role.ED, "elsewhere", hospital="elsewhere")
WIDE = "() => document.querySelector('.files .thumbnail img')?.naturalWidth"


async def test_a_photo_taken_on_the_tablet_is_in_the_wards_consult(staged, browser) -> None:
    photo = cv2.imencode(".jpg", RoadsideScene(1280, 720, seed=5).picture(1.0))[1].tobytes()
    digest = hashlib.sha256(photo).hexdigest()
    wall, tablet = [
        await open_page(browser, name, url) for name, url in (("wall", staged.wall_url), ("tablet", staged.tablet_url))
    ]
    wall.language = tablet.language = "en"
    await tablet.page.wait_for_selector(".pages", timeout=120_000)
    await tablet.page.click(f".pages button:has-text('{tablet.word('unit.page.casualties')}')")
    await tablet.touch(f".actions button:has-text('{tablet.word('unit.do.files')}')")
    await tablet.touch("[data-kind=ultrasound]")
    odd = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": b"MZ no picture" * 9}
    await tablet.page.set_input_files("input[type=file]", files=[odd])  # type: ignore[arg-type]
    await tablet.says("no file that can be handed in", ".sheet")
    good = {"name": "loop.exe", "mimeType": "image/jpeg", "buffer": photo}
    await tablet.page.set_input_files("input[type=file]", files=[good])  # type: ignore[arg-type]
    await tablet.says(tablet.word("media.file.kind.ultrasound"), ".handed-in .received")
    await tablet.check()
    await wall.page.wait_for_selector(".consult-open", timeout=120_000)
    await wall.touch(".consult-open")
    assert await wall.until("the photo", WIDE) == 1280
    await wall.check()
    (entry,) = [entry for entry in staged.hub.book.log.read() if entry.kind == "file_received"]
    assert (entry.body["casualty"], entry.body["sha256"], entry.body["bytes"]) == (A, digest, len(photo))
    assert (str(entry.by), entry.body["kind"]) == (f"paramedic:{UNIT}", "ultrasound")
    base, _, token = staged.wall_url.partition("/wall?lang=en#")
    async with httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}) as ward:
        assert (await ward.get(f"/api/v1/files/{digest}")).content == photo
        ward.headers["Authorization"] = f"Bearer {staged.hub.gate.issue(OTHER)}"
        assert (await ward.get(f"/api/v1/files/{digest}")).status_code == 403
    assert staged.vehicle.files.spool.told() is None, "what the hub has, the vehicle need not keep"
    assert wall.complaints == [] and tablet.complaints == []
