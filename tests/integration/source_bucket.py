"""A bucket that sends events to a queue, by EventBridge, SNS or directly, on a local server."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass
from typing import Any

from tests.integration.aws_site import REGION

from eddyline.aws.s3_events.event_queue import EventQueue, ensure_event_queue, event_queue_client
from eddyline.aws.s3_events.source import S3EventSource
from eddyline.aws.sqs.client import SqsClient, sqs_client

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
_CREATED = ["s3:ObjectCreated:*"]
_numbers = itertools.count(1)


def client(service: str, endpoint: str) -> Any:
    import boto3

    return boto3.client(service, endpoint_url=endpoint, **KEYS)


@dataclass(kw_only=True)
class FootageBucket:
    """A bucket and its queue of events."""

    endpoint: str
    bucket: str
    place: EventQueue

    def put(self, key: str, body: bytes, **how: object) -> str:
        """The new object's entity tag."""
        answer = client("s3", self.endpoint).put_object(Bucket=self.bucket, Key=key, Body=body, **how)
        return str(answer["ETag"]).strip('"')

    def body(self, key: str) -> bytes:
        answer = client("s3", self.endpoint).get_object(Bucket=self.bucket, Key=key)
        return bytes(answer["Body"].read())

    def delete(self, key: str) -> None:
        client("s3", self.endpoint).delete_object(Bucket=self.bucket, Key=key)

    def queues(self) -> SqsClient:
        return event_queue_client(sqs_client(endpoint=self.endpoint, region=REGION))

    def arrivals(self, *, attempts: int = 8, visibility_s: float = 30.0) -> S3EventSource:
        return S3EventSource(
            self.queues(), self.place, attempts=attempts, visibility_s=visibility_s, wait_s=1
        )

    def parked(self) -> list[tuple[str, str]]:
        """(body, reason) of all that is parked."""
        queues, found = self.queues(), []
        while messages := queues.receive(self.place.dead_letters, limit=10, wait_s=0, visibility_s=60):
            found += [(each.body, each.attributes.get("reason", "")) for each in messages]
        return found


def told_by_eventbridge(endpoint: str) -> FootageBucket:
    made = _made(endpoint)
    client("s3", endpoint).put_bucket_notification_configuration(
        Bucket=made.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    events = client("events", endpoint)
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [made.bucket]}},
    }
    events.put_rule(Name=made.bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=made.bucket, Targets=[{"Id": "1", "Arn": _arn(made)}])
    return made


def told_by_s3(endpoint: str) -> FootageBucket:
    made = _made(endpoint)
    _notify(made, QueueConfigurations=[{"QueueArn": _arn(made), "Events": _CREATED}])
    return made


def told_by_topic(endpoint: str, *, raw: bool = False) -> FootageBucket:
    """S3 tells an SNS topic, and that the queue; `raw`: without SNS's own words around."""
    made = _made(endpoint)
    sns = client("sns", endpoint)
    topic = sns.create_topic(Name=made.bucket)["TopicArn"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=_arn(made),
        Attributes={"RawMessageDelivery": str(raw).lower()},
    )
    _notify(made, TopicConfigurations=[{"TopicArn": topic, "Events": _CREATED}])
    return made


def told_by_raw_topic(endpoint: str) -> FootageBucket:
    return told_by_topic(endpoint, raw=True)


def _notify(made: FootageBucket, **configuration: object) -> None:
    client("s3", made.endpoint).put_bucket_notification_configuration(
        Bucket=made.bucket, NotificationConfiguration=configuration
    )


def _made(endpoint: str) -> FootageBucket:
    name = f"cards-{os.getpid()}-{next(_numbers)}"
    client("s3", endpoint).create_bucket(Bucket=name)
    place = ensure_event_queue(event_queue_client(client("sqs", endpoint)), f"{name}-events", buckets=[name])
    return FootageBucket(endpoint=endpoint, bucket=name, place=place)


def _arn(made: FootageBucket) -> str:
    return f"arn:aws:sqs:{REGION}:000000000000:{made.place.name}"
