"""The Spot price history, from a fake of EC2 over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.aws_control_plane import KEYS, ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import REGION

from eddyline.aws.client_errors import AccessError
from eddyline.aws.clients import open_client
from eddyline.aws.ec2_spot_prices import spot_price_history

_AT = 1_800_000_000.0


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        monkeypatch.setenv(name.upper(), KEYS[name])
    with control_plane(FleetModel(effects=Recorded()), clock=lambda: _AT) as running:
        yield running


def test_the_prices_of_many_types_are_read(plane: ControlPlane) -> None:
    types = [f"c{number}.large" for number in range(120)]
    plane.fleet.spot_prices = {(each, "eu-central-1a"): 0.25 for each in types}
    client = open_client("ec2", endpoint=plane.url, region=REGION)
    prices = spot_price_history(client, types, _AT - 100, _AT + 3600)
    assert all(prices.cost(each, "eu-central-1a", _AT, _AT + 3600).cost == 0.25 for each in types)
    requested = [call["InstanceTypes"] for call in plane.calls_of("DescribeSpotPriceHistory")]
    assert sorted(each for batch in requested for each in batch) == sorted(types)


def test_a_missing_permission_names_the_file_option(plane: ControlPlane) -> None:
    plane.fail("ec2", "DescribeSpotPriceHistory", "UnauthorizedOperation", status=403)
    with pytest.raises(AccessError, match="--spot-prices"):
        spot_price_history(open_client("ec2", endpoint=plane.url, region=REGION), ["c5.large"], _AT, _AT + 1)
