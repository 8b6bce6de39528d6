"""Creates boto3 clients with the standard credential chain; one table of time limits and retries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BRIEF = {"mode": "standard", "total_max_attempts": 2}
_STANDARD = {"mode": "standard", "total_max_attempts": 3}
_PATIENT = {"mode": "standard", "total_max_attempts": 6}

# By service; `boto3.client` gets each as its `Config`. Times in seconds.
_CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = {
    # Twice the longest poll. As many connections as a worker's or coordinator's threads.
    "sqs": {"connect_timeout": 5, "read_timeout": 40, "max_pool_connections": 32, "retries": _STANDARD},
    # A call takes at most about 20 s: the next minute has new values.
    "cloudwatch": {"connect_timeout": 3, "read_timeout": 5, "retries": _STANDARD},
    # A step of the scaler must end within its lease.
    "autoscaling": {"connect_timeout": 3, "read_timeout": 10, "retries": _STANDARD},
    "ec2": {"connect_timeout": 5, "read_timeout": 30, "retries": _PATIENT},
    "service-quotas": {"connect_timeout": 5, "read_timeout": 30, "retries": _PATIENT},
    "s3": {"connect_timeout": 5, "read_timeout": 20, "retries": _BRIEF},
}


def open_client(service: str, *, endpoint: str | None = None, region: str | None = None) -> Any:  # noqa: ANN401 - boto3 creates its classes at run time
    """A client of a service (of `_CONFIGURATIONS`), safe from any thread. Throttled calls are retried.

    Raises `AccessError` if no region is set.
    """
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415 - likewise

    from eddyline.aws.client_errors import translate_service_errors  # noqa: PLC0415 - likewise
    from eddyline.aws.truncated_responses import require_complete  # noqa: PLC0415 - likewise

    settings = dict(_CONFIGURATIONS[service])
    if service == "s3" and endpoint:
        # Other servers than AWS's seldom have a DNS name for each bucket.
        settings["s3"] = {"addressing_style": "path"}
    config = Config(**settings)
    with translate_service_errors(f"opening {service}"):
        # Not the default session, whose creation is not safe from several threads.
        client = boto3.Session().client(service, endpoint_url=endpoint, region_name=region, config=config)
    return require_complete(client)
