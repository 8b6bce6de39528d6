"""The clients of AWS services: their settings, and errors when they are created."""

from __future__ import annotations

import pytest

from eddyline.aws.client_errors import AccessError, ServiceError
from eddyline.aws.clients import open_client


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("service", ["sqs", "cloudwatch", "ec2", "service-quotas", "s3"])
def test_every_client_has_time_limits_and_bounded_retries(service: str) -> None:
    config = open_client(service, region="eu-west-1").meta.config
    assert config.connect_timeout <= 5
    assert config.read_timeout <= 40
    assert config.retries["total_max_attempts"] <= 6


def test_a_client_without_a_region_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(AccessError, match="opening ec2"):
        open_client("ec2")


def test_only_a_server_that_is_not_aws_gets_buckets_in_paths() -> None:
    ours = open_client("s3", endpoint="http://127.0.0.1:9", region="us-east-1")
    assert ours.meta.config.s3["addressing_style"] == "path"
    assert not open_client("s3", region="us-east-1").meta.config.s3


def test_a_service_error_may_be_retried_and_an_access_error_may_not() -> None:
    assert ServiceError.retry
    assert not AccessError("no").retry
