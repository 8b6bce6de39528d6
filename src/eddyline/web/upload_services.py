"""The uploads of an application, and the process that makes assets of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Annotated, cast

from fastapi import Depends, Request

from eddyline.app.submit import FLEET
from eddyline.core.background_tasks import BackgroundTask
from eddyline.edit.merge.merge import is_one_recording
from eddyline.library.uploads.finisher import UploadFinisher
from eddyline.library.uploads.limits import UploadLimits
from eddyline.library.uploads.upload_files import UploadFiles
from eddyline.library.uploads.uploads import Uploads
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.planning.routing import inspect_pool
from eddyline.pipeline.submission.submit import Submitted, submit
from eddyline.web.services import Services, WithServices
from eddyline.web.tus.receiver import Receiver

_lock = threading.Lock()
_SWEEP_S = 600.0


def open_uploads(services: Services) -> Uploads:
    """The uploads in the data directory of a server. Raises `TransientError` if it is not writable."""
    return Uploads(
        services.ledger,
        UploadFiles(services.settings.data / "uploads"),
        UploadLimits.from_settings(services.shared.settings),
    )


def open_finisher(services: Services) -> UploadFinisher:
    """The finisher of the uploads of a server; its `run_once` is for a task of the server's process."""
    pool = inspect_pool(services.pools)

    def submit_one(addresses: Sequence[str], profile: Profile, options: JobOptions) -> Submitted:
        return submit(
            addresses,
            profile,
            store=services.store,
            ledger=services.ledger,
            toolchain=FLEET,
            options=options,
            pool=pool,
        )

    return UploadFinisher(
        uploads=open_uploads(services),
        store=services.store,
        submit=submit_one,
        are_one_recording=is_one_recording,
        wait_s=services.shared.settings.chapters_wait_s,
    )


def upload_tasks(services: Services) -> tuple[BackgroundTask, ...]:
    """Make assets of complete uploads, and delete expired ones.

    A process may end in the middle of a large file: the next one continues there.
    """
    finisher = open_finisher(services)
    return (
        BackgroundTask(name="upload finisher", step=finisher.run_once),
        BackgroundTask(name="upload sweep", step=lambda _: finisher.uploads.sweep(), every_s=_SWEEP_S),
    )


def _receiver(request: Request, services: WithServices) -> Receiver:
    state = request.app.state
    with _lock:  # opened by the first request: an application opens nothing when it is created
        if getattr(state, "receiver", None) is None:
            state.receiver = Receiver(open_uploads(services))
        return cast("Receiver", state.receiver)


def _uploads(receiver: Annotated[Receiver, Depends(_receiver)]) -> Uploads:
    return receiver.uploads


WithReceiver = Annotated[Receiver, Depends(_receiver)]
"""A parameter of a route that receives the receiver of uploads."""

WithUploads = Annotated[Uploads, Depends(_uploads)]
"""A parameter of a route that receives the uploads."""
