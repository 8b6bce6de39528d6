"""The fleet of the Lambda functions' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.servers.aws_control_plane import ControlPlane
from tests.unit.aws.lambdas.lambda_fleet import LambdaFleet, new_fleet, shared_plane

Plane = tuple[ControlPlane, Callable[[str], Any]]


@pytest.fixture(scope="session")
def plane() -> Iterator[Plane]:
    with shared_plane() as running:
        yield running


@pytest.fixture
def fleet(plane: Plane) -> LambdaFleet:
    return new_fleet(*plane)
