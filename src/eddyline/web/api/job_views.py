"""Jobs as JSON values in the API."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from eddyline.graph.job import Job
from eddyline.graph.ledger.starts import Start
from eddyline.graph.states import State
from eddyline.library.job_listing import ListedJob

_TIME = "Seconds since 1970-01-01 UTC."


class JobView(BaseModel):
    """A job of an asset."""

    id: str = Field(examples=["0123456789abcdef.9f86d081.chunk-0007"])
    asset: str = Field(examples=["0123456789abcdef"])
    kind: str = Field(examples=["chunk"])
    stage: str = Field(examples=["encode"])
    pool: str = Field(examples=["cpu"])
    state: State
    weight: float = Field(description="The relative cost of the job.")
    attempt: int = Field(description="Starts that counted against its attempts.")
    starts: int = Field(description="All starts.")
    interruptions: int = Field(description="Starts that were interrupted or lost; no attempt was spent.")
    worker: str = Field(description="The worker that runs it.", examples=["cpu@ip-10-0-0-7:4242-a1b2c3"])
    fraction: float = Field(ge=0, le=1, description="How much of it is done.")
    ready_at: float | None = Field(description=f"When it may start. {_TIME}")
    started: float | None = Field(description=_TIME)
    finished: float | None = Field(description=_TIME)
    message: str = Field(description="The message of its last error.", examples=[""])


class StartView(BaseModel):
    """A start of a job that has ended."""

    worker: str
    instance: str = Field(description="The EC2 instance; empty elsewhere.", examples=["i-0123456789abcdef0"])
    started: float = Field(description=_TIME)
    ended: float = Field(description=_TIME)
    outcome: str = Field(examples=["done"])
    cpu_s: float | None = Field(description="CPU time in seconds.")
    fraction: float | None = Field(description="How much of the job was done.")


class JobDetails(JobView):
    """A job with the history of its starts, and the evidence of its last failure."""

    dependencies: list[str]
    error: dict[str, Any] | None = Field(
        description="The last failure: error, message, remedy; of a program argv, exit status and stderr.",
        examples=[{"error": "ToolError", "message": "ffmpeg failed", "argv": ["ffmpeg"], "returncode": 1}],
    )
    history: list[StartView]


class JobList(BaseModel):
    """A page of jobs."""

    jobs: list[JobView]
    next: str = Field(description="The cursor of the next page; empty at the end.", examples=[""])


class ChangedJobs(BaseModel):
    """The ids of the jobs that an action changed."""

    jobs: list[str]


def job_json(job: ListedJob) -> dict[str, Any]:
    """A listed job."""
    return {name: getattr(job, name) for name in JobView.model_fields}


def details_json(job: Job, listed: ListedJob, history: list[Start]) -> dict[str, Any]:
    """A job with its history and evidence."""
    return {
        **job_json(listed),
        "dependencies": list(job.dependencies),
        "error": job.error,
        "history": [{name: getattr(each, name) for name in StartView.model_fields} for each in history],
    }
