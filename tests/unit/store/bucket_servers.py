"""Opens buckets of a test server, and writes files large enough for a multipart upload."""

from __future__ import annotations

import os
from pathlib import Path

from obstore.store import S3Store
from tests.servers.ministack import Ministack, any_keys

from eddyline.core.stop import Stop
from eddyline.store.objects import ObjectStore

PART = 5 * 1024 * 1024  # the smallest part that S3 accepts


def open_bucket(
    server: Ministack, bucket: str, *, stop: Stop | None = None, server_copy: int = 2**40
) -> ObjectStore:
    raw = S3Store(
        bucket,
        endpoint=server.url,
        region="us-east-1",
        client_options={"allow_http": True},
        credential_provider=any_keys,  # type: ignore[arg-type]  # plain dicts are accepted
    )
    return ObjectStore(raw, address=f"s3://{bucket}", stop=stop, part=PART, max_server_copy=server_copy)


def write_large_file(scratch: Path, size: int = 2 * PART + 5) -> Path:
    path = scratch / "large.mp4"
    path.write_bytes(os.urandom(1024) * (size // 1024) + b"x" * (size % 1024))
    return path
