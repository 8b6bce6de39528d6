"""A bucket that sends events to a queue, by EventBridge, SNS or directly, on a local server."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass
from typing import Any

from tests.integration.aws_site import REGION

from eddyline.aws.clients import open_client
from eddyline.aws.s3_events.event_queue import EventQueue, ensure_event_queue, event_queue_client
from eddyline.aws.s3_events.source import S3EventSource
from eddyline.aws.sqs.client import SqsClient

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
_CREATED = ["s3:ObjectCreated:*"]
_numbers = itertools.count(1)


def client(service: str, endpoint: str) -> Any:
    import boto3

    return boto3.client(service, endpoint_url=endpoint, **KEYS)


@dataclass(kw_only=True)
class SourceBucket:
    """A bucket and its event queue."""

    endpoint: str
    bucket: str
    event_queue: EventQueue

    def put(self, key: str, body: bytes, **options: object) -> str:
        """Stores an object; returns its entity tag."""
        response = client("s3", self.endpoint).put_object(Bucket=self.bucket, Key=key, Body=body, **options)
        return str(response["ETag"]).strip('"')

    def body(self, key: str) -> bytes:
        response = client("s3", self.endpoint).get_object(Bucket=self.bucket, Key=key)
        return bytes(response["Body"].read())

    def delete(self, key: str) -> None:
        client("s3", self.endpoint).delete_object(Bucket=self.bucket, Key=key)

    def queues(self) -> SqsClient:
        return event_queue_client(open_client("sqs", endpoint=self.endpoint, region=REGION))

    def event_source(self, *, attempts: int = 8, visibility_s: float = 30.0) -> S3EventSource:
        return S3EventSource(
            self.queues(), self.event_queue, attempts=attempts, visibility_s=visibility_s, wait_s=1
        )

    def parked(self) -> list[tuple[str, str]]:
        """The body and the reason of every parked message."""
        queues, parked = self.queues(), []
        while messages := queues.receive(self.event_queue.dead_letters, limit=10, wait_s=0, visibility_s=60):
            parked += [(each.body, each.attributes.get("reason", "")) for each in messages]
        return parked


def bucket_with_eventbridge(endpoint: str) -> SourceBucket:
    bucket = _create_bucket(endpoint)
    client("s3", endpoint).put_bucket_notification_configuration(
        Bucket=bucket.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    events = client("events", endpoint)
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket.bucket]}},
    }
    events.put_rule(Name=bucket.bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket.bucket, Targets=[{"Id": "1", "Arn": _arn(bucket)}])
    return bucket


def bucket_with_s3_notifications(endpoint: str) -> SourceBucket:
    bucket = _create_bucket(endpoint)
    _notify(bucket, QueueConfigurations=[{"QueueArn": _arn(bucket), "Events": _CREATED}])
    return bucket


def bucket_with_topic(endpoint: str, *, raw: bool = False) -> SourceBucket:
    """S3 notifies an SNS topic, which forwards to the queue; `raw`: without the envelope of SNS."""
    bucket = _create_bucket(endpoint)
    sns = client("sns", endpoint)
    topic = sns.create_topic(Name=bucket.bucket)["TopicArn"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=_arn(bucket),
        Attributes={"RawMessageDelivery": str(raw).lower()},
    )
    _notify(bucket, TopicConfigurations=[{"TopicArn": topic, "Events": _CREATED}])
    return bucket


def bucket_with_raw_topic(endpoint: str) -> SourceBucket:
    return bucket_with_topic(endpoint, raw=True)


def _notify(bucket: SourceBucket, **configuration: object) -> None:
    client("s3", bucket.endpoint).put_bucket_notification_configuration(
        Bucket=bucket.bucket, NotificationConfiguration=configuration
    )


def _create_bucket(endpoint: str) -> SourceBucket:
    name = f"cards-{os.getpid()}-{next(_numbers)}"
    client("s3", endpoint).create_bucket(Bucket=name)
    queue = ensure_event_queue(event_queue_client(client("sqs", endpoint)), f"{name}-events", buckets=[name])
    return SourceBucket(endpoint=endpoint, bucket=name, event_queue=queue)


def _arn(bucket: SourceBucket) -> str:
    return f"arn:aws:sqs:{REGION}:000000000000:{bucket.event_queue.name}"
