"""The shell around an application tells of trouble once, not thousands of times."""

from __future__ import annotations

import asyncio
import logging

import pytest

from aboard.serving import NO_DESCRIPTORS, NO_UTF8, Brief, once_a_minute


def test_a_hub_without_descriptors_says_so_once_and_other_trouble_is_told_each_time(caplog: pytest.LogCaptureFixture):
    loop, hear = asyncio.new_event_loop(), once_a_minute()
    with caplog.at_level(logging.ERROR):
        for _ in range(2048):
            hear(loop, {"message": NO_DESCRIPTORS})
        for _ in range(2):
            hear(loop, {"message": "something else"})
    loop.close()
    assert [record.name for record in caplog.records] == ["aboard.serving", "asyncio", "asyncio"]


def test_frames_that_are_no_text_are_told_once_in_one_line(caplog: pytest.LogCaptureFixture):
    logger, brief = logging.getLogger("test.uvicorn"), Brief()
    logger.addFilter(brief)
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            try:
                b"\xff".decode()
            except UnicodeDecodeError:
                logger.exception(f"{NO_UTF8} received from client.")
        logger.error("something else")
    assert [(record.exc_info, record.getMessage()[:7]) for record in caplog.records] == [
        (None, "Invalid"), (None, "somethi"),
    ]  # fmt: skip
