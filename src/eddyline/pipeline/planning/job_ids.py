"""The names of plans and jobs, and what is read from them."""

from __future__ import annotations

from typing import Final

from eddyline.core.name_rules import is_asset
from eddyline.graph.job import Job

PLAN_PREFIX: Final = "plan-"
"""The prefix of the names of plans."""


def is_plan(key: str) -> bool:
    """Whether a key below `parts_prefix` is that of a plan."""
    return key.rpartition("/")[2].startswith(PLAN_PREFIX)


def job_id(asset: str, request: str, kind: str, index: int | str | None = None) -> str:
    """The id of a job, derived so that the same work has the same id. `request` is the request's digest."""
    return f"{asset}.{request[:8]}.{job_name(kind, index)}"


def asset_of_job(name: str) -> str:
    """The asset of a job, by the job's id; "" for an id of another form."""
    asset = name.partition(".")[0]
    return asset if is_asset(asset) else ""


def request_digest(job: Job) -> str:
    """The digest of what was requested (profile, toolchain, recipe version and store) of a job's asset."""
    return str(job.spec["ask"])


def job_name(kind: str, index: int | str | None) -> str:
    """The name of a job among those of its asset, which is also that of its part."""
    if index is None:
        return kind
    return f"{kind}-{index:04d}" if isinstance(index, int) else f"{kind}-{index}"
