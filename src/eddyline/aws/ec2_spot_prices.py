"""The history of Spot prices, from Amazon EC2 (DescribeSpotPriceHistory; up to 90 days)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from eddyline.aws.client_errors import translate_service_errors
from eddyline.fleet.record.spot_prices import MAX_CHANGES, Change, SpotPrices

_TYPES = 50  # instance types of one request
_REMEDY = (
    "allow ec2:DescribeSpotPriceHistory and check the region and the credentials, or pass --spot-prices with "
    "the output of `aws ec2 describe-spot-price-history`"
)


def spot_price_history(client: Any, types: Collection[str], start: float, stop: float) -> SpotPrices:  # noqa: ANN401 - boto3's
    """The prices of these types on Linux, from the one in effect at `start`.

    Raises `ServiceError` and `AccessError`.
    """
    changes: dict[tuple[str, str], list[Change]] = defaultdict(list)
    left = iter(sorted(types))
    while batch := list(islice(left, _TYPES)):
        for each in _history(client, batch, start, stop):
            pool = str(each["InstanceType"]), str(each["AvailabilityZone"])
            changes[pool].append((each["Timestamp"].timestamp(), float(each["SpotPrice"])))
    return SpotPrices(changes)


def _history(client: Any, types: list[str], start: float, stop: float) -> list[dict[str, Any]]:  # noqa: ANN401 - boto3's
    with translate_service_errors("reading the Spot price history", remedy=_REMEDY):
        pages = client.get_paginator("describe_spot_price_history").paginate(
            InstanceTypes=types,
            ProductDescriptions=["Linux/UNIX"],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(stop, UTC),
            PaginationConfig={"MaxItems": MAX_CHANGES, "PageSize": 1000},
        )
        return [each for page in pages for each in page.get("SpotPriceHistory", ())]
