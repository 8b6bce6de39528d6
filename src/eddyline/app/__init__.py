"""The wiring: the only room that picks adapters and joins them to the pipeline."""

from __future__ import annotations

from eddyline.app.edit import combine, trim
from eddyline.app.embedded import PlannedAsset, RunRequest, dry_run, open_ledger, run
from eddyline.app.inspect_source import doctor, probe
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
