"""The composition root: the only package that selects adapters and connects them to the pipeline."""

from __future__ import annotations

from eddyline.app.edit import combine, trim
from eddyline.app.embedded import PlannedAsset, RunRequest, dry_run, run
from eddyline.app.inspect_source import doctor
from eddyline.pipeline import probe
from eddyline.pipeline.runs.embedded import open_directory_ledger as open_ledger
from eddyline.pipeline.runtime.machine_checks import Check

__all__ = [
    "Check",
    "PlannedAsset",
    "RunRequest",
    "combine",
    "doctor",
    "dry_run",
    "open_ledger",
    "probe",
    "run",
    "trim",
]
