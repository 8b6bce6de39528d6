"""The uploads of an application, and the process that makes assets of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, cast

from fastapi import Depends, Request

from eddyline.app.submit import FLEET
from eddyline.core.stop import Stop
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
_JOIN_S = 0.3


def open_uploads(services: Services) -> Uploads:
    """The uploads in the data directory of a server. Raises `TransientError` if it is not writable."""
    return Uploads(
        services.ledger,
        UploadFiles(services.settings.data / "uploads"),
        UploadLimits.from_settings(services.shared.settings),
    )


def open_finisher(services: Services) -> UploadFinisher:
    """The finisher of the uploads of a server; its `run` is for a thread of the server's process."""
    pool = inspect_pool(services.shared.pools())

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


@contextmanager
def finish_uploads(services: Services) -> Iterator[None]:
    """Run the finisher in a thread inside the context.

    It may be in the middle of a large file at the end: the next process continues there.
    """
    stop = Stop()
    finisher = open_finisher(services)
    thread = threading.Thread(target=finisher.run, args=(stop,), name="upload finisher", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.request("the server is stopping")
        thread.join(_JOIN_S)


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
