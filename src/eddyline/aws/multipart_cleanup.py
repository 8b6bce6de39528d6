"""Multipart uploads to S3 that nobody will end: a process was killed amid a large object.

What was sent of them is never seen, and costs money. The store's own library cannot list them; boto3 can.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from botocore import exceptions as vendor

from eddyline.core.clock import Clock, SystemClock

# Nobody waits for this for long: what is not aborted now is the next time.
_CONNECT_S, _READ_S, _TRIES = 5, 20, 2
_GONE = "NoSuchUpload"


class MultipartUploads:
    """The uploads below `prefix` of a bucket ("" for all of it); safe from any thread.

    What goes wrong is told to `on_message`, each kind once, and is never in the caller's way.
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
        self._on_said = on_message
        self._clock = clock or SystemClock()
        self._client: Any = None
        self._told: set[str] = set()
        self._turn = threading.Lock()

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        """Abort those below `folder` that were begun more than `older_s` seconds ago."""
        with self._turn:
            try:
                for upload in self._begun_before(folder, self._clock.now() - older_s):
                    self._end(upload)
            except vendor.ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                self._say_once(f"{error.operation_name}/{code}", folder, error)
            except (vendor.BotoCoreError, OSError) as error:
                self._say_once(type(error).__name__, folder, error)

    def _begun_before(self, folder: str, until: float) -> Iterator[dict[str, Any]]:
        """Listed to the end before the first is aborted: pages must not move meanwhile."""
        if self._client is None:
            self._client = self._connect()
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}{folder}/"
        )
        found = [upload for page in pages for upload in page.get("Uploads", ())]
        return (upload for upload in found if upload["Initiated"].timestamp() <= until)

    def _end(self, upload: dict[str, Any]) -> None:
        try:
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        except vendor.ClientError as error:
            if _GONE not in str(error):  # its owner, or another of us, was first
                raise
        else:
            self._on_said(f"aborted an upload of {upload['Key']} that nobody ended")

    def _say_once(self, kind: str, folder: str, error: Exception) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._on_said(
                f"uploads that nobody ended stay below {folder}: {error}; a lifecycle rule of the bucket "
                "(AbortIncompleteMultipartUpload) removes them as well"
            )


def multipart_uploads(
    bucket: str,
    prefix: str,
    *,
    endpoint: str | None,
    region: str | None,
    on_message: Callable[[str], None],
) -> MultipartUploads:
    """Those of a bucket, asked for with the standard chain of credentials once there is something to ask."""

    def connect() -> Any:  # noqa: ANN401 - boto3 makes its classes when running
        import boto3  # noqa: PLC0415 - slow to import
        from botocore.config import Config  # noqa: PLC0415 - likewise

        config = Config(
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            # Servers of one's own seldom have a name for each bucket.
            s3={"addressing_style": "path"} if endpoint else None,
        )
        return boto3.client("s3", endpoint_url=endpoint, region_name=region, config=config)

    return MultipartUploads(connect, bucket=bucket, prefix=prefix, on_message=on_message)
