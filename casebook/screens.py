"""Serve a screen: one generated page with its import map, its own folder, and the browser libraries.

The page holds no data and no text: both come over the authenticated API. Nothing is ever asked of another host, and
the content security policy says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from casebook.errors import NotFound
from casebook.words import LANGUAGES, Language, catalogue

REPO = Path(__file__).resolve().parent.parent
IMPORTS = {
    "preact": "/lib/preact/dist/preact.mjs",
    "preact/hooks": "/lib/preact/hooks/dist/hooks.mjs",
    "htm": "/lib/htm/dist/htm.mjs",
    "htm/preact": "/lib/htm/preact/index.mjs",
    "@preact/signals": "/lib/@preact/signals/dist/signals.mjs",
    "@preact/signals-core": "/lib/@preact/signals-core/dist/signals-core.mjs",
    "maplibre-gl": "/lib/maplibre-gl/dist/maplibre-gl.mjs",
}
_MAP = json.dumps({"imports": IMPORTS})
_MAP_HASH = base64.b64encode(hashlib.sha256(_MAP.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; script-src 'self' 'sha256-{_MAP_HASH}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' ws: wss:; "
    "worker-src 'self' blob:; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Aboard 上车即入院</title>
<link rel="stylesheet" href="/casebook/base.css">
{styles}<script type="importmap">{imports}</script>
<script type="module" src="/{name}/{name}.js"></script>
</head>
<body data-screen="{name}"><div id="app"></div></body>
</html>
"""


def browser_libraries() -> Path:
    """Where the npm libraries are: `ABOARD_BROWSER_LIBS`, else node_modules beside the rooms (made by ./run)."""
    return Path(os.environ.get("ABOARD_BROWSER_LIBS", REPO / "node_modules"))


def add_shared(app: FastAPI, *shared: tuple[str, Path]) -> None:
    """The libraries, the casebook's browser pieces, other `shared` folders, and the words."""
    app.mount("/lib", Code(directory=browser_libraries(), check_dir=False), name="lib")
    for name, folder in (("casebook", Path(__file__).parent / "browser"), *shared):
        app.mount(f"/{name}", Code(directory=folder, check_dir=False), name=name)

    @app.get("/api/v1/words/{language}")
    async def words(language: str) -> dict[str, str]:
        if language not in LANGUAGES:
            raise NotFound(what="language", id=language)
        known: Language = "zh" if language == "zh" else "en"
        return catalogue(known)


def add_screen(app: FastAPI, name: str, folder: Path) -> None:
    """The page /<name>, with /<name>/<name>.js and every style sheet in `folder`; maplibre's where a map is drawn."""
    sheets = [f"/{name}/{file.name}" for file in sorted(folder.glob("*.css"))]
    if any("maplibre-gl" in file.read_text(encoding="utf-8") for file in folder.glob("*.js")):
        sheets.insert(0, "/lib/maplibre-gl/dist/maplibre-gl.css")
    styles = "".join(f'<link rel="stylesheet" href="{sheet}">\n' for sheet in sheets)
    page = _PAGE.format(name=name, styles=styles, imports=_MAP)

    @app.get(f"/{name}", include_in_schema=False)
    async def screen(request: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})

    app.mount(f"/{name}", Code(directory=folder), name=name)


class Code(StaticFiles):
    """Static code, always asked for again (a board reloads itself into the new build), never sniffed."""

    def file_response(self, *args, **kwargs) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
