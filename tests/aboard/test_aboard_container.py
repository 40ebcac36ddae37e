"""The image holds what the hub needs and nothing secret; the compose file starts what the documents promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from aboard.children import Child

REPO = Path(__file__).resolve().parents[2]
PLACE = REPO / "deploy" / "container"
DOCKERFILE = (PLACE / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((PLACE / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PINNED = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE | re.IGNORECASE)


def lines_of(word: str) -> list[list[str]]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split()[1:] for line in joined.splitlines() if line.split()[:1] == [word]]


def test_every_room_is_in_the_image_and_let_through_to_the_build():
    built = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    rooms = set(built["targets"]["wheel"]["packages"]) if "targets" in built else set(built["packages"])
    sources = {
        source for *all_sources, _ in lines_of("COPY") if not all_sources[0].startswith("--") for source in all_sources
    }
    assert rooms <= sources
    passed = {line[1:] for line in (REPO / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources <= passed
    assert all((REPO / source).exists() for source in sources)


def test_the_image_runs_as_nobody_special_and_says_whether_it_is_well():
    assert lines_of("USER") == [["aboard"]]
    assert lines_of("HEALTHCHECK") and lines_of("STOPSIGNAL") == [["SIGTERM"]]
    assert all(re.fullmatch(r"(node|python):[\w.-]+", image[0]) for image in lines_of("FROM"))


def test_the_images_libraries_are_those_that_were_tested():
    tested = dict(PINNED.findall((REPO / "requirements.txt").read_text()))
    shipped = dict(PINNED.findall((PLACE / "requirements.txt").read_text()))
    assert shipped.items() <= tested.items()
    assert {"fastapi", "asyncpg", "aiortc"} <= shipped.keys() and not shipped.keys() & {"pytest", "playwright", "ruff"}


def test_the_images_list_is_whole():
    wanted = {
        re.split(r"[<>=!;\[ ]", one)[0].lower()
        for one in tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    assert wanted <= {name.lower() for name, _ in PINNED.findall((PLACE / "requirements.txt").read_text())}


def test_two_hubs_share_one_book_and_one_bus_and_have_a_folder_each():
    hubs = [SERVICES["hub-a"], SERVICES["hub-b"]]
    one, other = (hub["environment"] for hub in hubs)
    assert one["ABOARD_STORE"] == other["ABOARD_STORE"] and one["ABOARD_BUS"] == other["ABOARD_BUS"]
    assert one["ABOARD_PORT"] != other["ABOARD_PORT"]
    assert not set(hubs[0]["volumes"]) & set(hubs[1]["volumes"])
    asked = set(one["ABOARD_BUS"].removeprefix("redis+sentinel://").partition("/")[0].split(","))
    assert asked == {f"127.0.0.1:{SERVICES[f'sentinel-{n}']['environment']['SENTINEL_PORT']}" for n in (1, 2, 3)}


def test_every_setting_of_the_compose_file_is_documented():
    used = set(re.findall(r"ABOARD_[A-Z_]+", (PLACE / "compose.yaml").read_text() + DOCKERFILE))
    assert used <= set(re.findall(r"ABOARD_[A-Z_]+", (REPO / "docs" / "settings.md").read_text()))


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_more_than_it_must_be(name: str):
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped" and not service.get("privileged")
    image = service["image"]
    assert "build" in service or image == "aboard" or re.fullmatch(r"[a-z/]+:[\w.-]+", image)
    assert "." not in image.partition("/")[0] or "/" not in image, "an image by its name, from wherever one gets it"
    if name != "postgres":  # whose own start changes the owner of its folder
        assert service["read_only"] and service["cap_drop"] == ["ALL"]


def test_only_the_hubs_the_relay_and_the_media_server_are_heard_outside():
    said = {name: " ".join(map(str, service.get("command", []))) for name, service in SERVICES.items()}
    inside = [name for name in SERVICES if name not in ("hub-a", "hub-b", "coturn", "janus")]
    assert all("127.0.0.1" in said[name] for name in inside)


def test_no_secret_stands_in_the_compose_file():
    text = (PLACE / "compose.yaml").read_text()
    assert not re.search(r"(?i)(password|secret|token)\s*[:=]\s*['\"]?[A-Za-z0-9]{6,}['\"]?\s*$", text, re.MULTILINE)
    named = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert named == set(COMPOSE["secrets"])
    assert all(one["file"].startswith("./secrets/") for one in COMPOSE["secrets"].values())
    assert "deploy/container/secrets/" in (REPO / ".gitignore").read_text()


def test_what_depends_on_something_depends_on_something_that_is_there():
    for service in SERVICES.values():
        assert set(service.get("depends_on", [])) <= set(SERVICES)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (PLACE / source).exists(), volume


@pytest.mark.sockets
async def test_the_container_knows_whether_its_hub_is_well(tmp_path: Path):
    def healthy(port: str) -> int:
        env = {**os.environ, "ABOARD_PORT": port}
        return subprocess.run(
            [sys.executable, PLACE / "healthy.py"], env=env, check=False, capture_output=True
        ).returncode

    hub = Child("hub", ["hub", "--folder", str(tmp_path / "hub"), "--port", "0"], tmp_path)
    try:
        port = (await hub.start())["url"].rpartition(":")[2]
        assert healthy(port) == 0
    finally:
        await hub.end()
    assert healthy(port) == 1
