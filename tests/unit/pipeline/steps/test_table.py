"""The steps by job kind, and what a process that runs for weeks imports before its first job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import cast

from eddyline.pipeline.demo_clip import make_clip
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.steps.table import handlers

_PROGRAM = """
import sys
import eddyline.config, eddyline.fleet.pool_coverage
from eddyline.pipeline.steps.table import import_job_modules
import_job_modules()
before = set(sys.modules)
from eddyline import pipeline
report = pipeline.run(sys.argv[1], out=sys.argv[2])
assert len(report.finished) == 1, report
print(*sorted(name for name in set(sys.modules) - before if name.startswith("eddyline.")))
"""


def test_every_job_kind_has_a_handler() -> None:
    assert set(handlers(cast("Runtime", None))) == set(JOB_KINDS)


def test_jobs_of_a_process_that_imported_all_import_no_module_of_eddyline(tmp_path: Path) -> None:
    # With telemetry, whose exports are imported on first use.
    clip = make_clip(tmp_path / "GX010001.MP4", seconds=2)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(clip), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
