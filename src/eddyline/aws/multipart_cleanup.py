"""Abort of multipart uploads to S3 that were started by processes killed during the upload.

The parts of such an upload are invisible and cost money. The object store library cannot list them; boto3
can.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from botocore import exceptions as vendor

from eddyline.aws.clients import open_client
from eddyline.core.clock import Clock, SystemClock

# Short: an upload that cannot be aborted now is aborted by the next cleanup.
_NO_SUCH_UPLOAD = "NoSuchUpload"


class MultipartUploads:
    """The multipart uploads below `prefix` of a bucket ("": the whole bucket). Safe from any thread.

    Never raises an error of S3: each kind of error is passed once to `on_message`.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        *,
        bucket: str,
        prefix: str,
        on_message: Callable[[str], None],
        clock: Clock | None = None,
    ) -> None:
        self._connect = connect
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._on_message = on_message
        self._clock = clock or SystemClock()
        self._client: Any = None
        self._reported: set[str] = set()
        self._lock = threading.Lock()

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        """Abort the uploads below `folder` that were initiated more than `older_s` seconds ago."""
        with self._lock:
            try:
                for upload in self._initiated_before(folder, self._clock.now() - older_s):
                    self._abort(upload)
            except vendor.ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                self._report_once(f"{error.operation_name}/{code}", folder, error)
            except (vendor.BotoCoreError, OSError) as error:
                self._report_once(type(error).__name__, folder, error)

    def _initiated_before(self, folder: str, latest: float) -> Iterator[dict[str, Any]]:
        """The listing is complete before the first abort, because an abort would shift its pages."""
        if self._client is None:
            self._client = self._connect()
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}{folder}/"
        )
        found = [upload for page in pages for upload in page.get("Uploads", ())]
        return (upload for upload in found if upload["Initiated"].timestamp() <= latest)

    def _abort(self, upload: dict[str, Any]) -> None:
        try:
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        except vendor.ClientError as error:
            if _NO_SUCH_UPLOAD not in str(error):  # completed, or aborted by another process
                raise
        else:
            self._on_message(f"aborted an unfinished upload of {upload['Key']}")

    def _report_once(self, kind: str, folder: str, error: Exception) -> None:
        if kind not in self._reported:
            self._reported.add(kind)
            self._on_message(
                f"unfinished uploads below {folder} were not aborted: {error}; a lifecycle rule of the "
                "bucket (AbortIncompleteMultipartUpload) aborts them too"
            )


def multipart_uploads(
    bucket: str,
    prefix: str,
    *,
    endpoint: str | None,
    region: str | None,
    on_message: Callable[[str], None],
) -> MultipartUploads:
    """The uploads of a bucket; connects at the first use, with the standard credential chain."""

    def connect() -> Any:  # noqa: ANN401 - boto3 creates its classes at run time
        return open_client("s3", endpoint=endpoint, region=region)

    return MultipartUploads(connect, bucket=bucket, prefix=prefix, on_message=on_message)
