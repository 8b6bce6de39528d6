"""The environment of a function is validated as a whole, and errors name the variable."""

from __future__ import annotations

import json

import pytest

from eddyline.aws.lambdas.settings import PoolSettings, load_settings
from eddyline.core.errors import UsageError
from eddyline.fleet.rebalance_policy import RebalancePolicy

ENVIRONMENT = {
    "PREFIX": "eddyline",
    "FLEET_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/eddyline-fleet",
    "DRAIN_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/eddyline-drain",
    "POOLS": json.dumps(
        {
            "cpu": {"hook_s": 900, "rebalance": "avoid"},
            "gpu": {"hook_s": 30, "rebalance": "replace", "max_replacements_per_hour": 2},
        }
    ),
}


def test_settings_are_read_from_the_environment() -> None:
    settings = load_settings(ENVIRONMENT, needs_drain_queue=True)
    assert settings.prefix == "eddyline"
    assert settings.drain_queue_url.endswith("/eddyline-drain")
    assert settings.pools == {
        "cpu": PoolSettings(hook_s=900.0),
        "gpu": PoolSettings(hook_s=30.0, rebalance=RebalancePolicy.REPLACE, max_replacements_per_hour=2),
    }


def test_only_the_general_drain_needs_the_drain_queue() -> None:
    without = {name: value for name, value in ENVIRONMENT.items() if name != "DRAIN_QUEUE_URL"}
    assert load_settings(without).drain_queue_url == ""
    with pytest.raises(UsageError, match="DRAIN_QUEUE_URL"):
        load_settings(without, needs_drain_queue=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFIX", ""),
        ("PREFIX", "a b"),
        ("PREFIX", "x" * 41),
        ("FLEET_QUEUE_URL", "eddyline-fleet"),
        ("POOLS", ""),
        ("POOLS", "{"),
        ("POOLS", "[" * 100_000),
        ("POOLS", "{}"),
        ("POOLS", '{"cpu": 900}'),
        ("POOLS", '{"cpu": {}}'),
        ("POOLS", '{"cpu": {"hook_s": true}}'),
        ("POOLS", '{"cpu": {"hook_s": 29}}'),
        ("POOLS", '{"cpu": {"hook_s": NaN}}'),
        ("POOLS", '{"cpu": {"hook_s": 7201}}'),
        ("POOLS", '{"cpu": {"hook_s": 900, "rebalance": "kill"}}'),
        ("POOLS", '{"cpu": {"hook_s": 900, "rebalance": ["avoid"]}}'),
        ("POOLS", '{"cpu": {"hook_s": 900, "max_replacements_per_hour": -1}}'),
        ("POOLS", json.dumps({f"p{n}": {"hook_s": 900} for n in range(33)})),
    ],
)
def test_an_invalid_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        load_settings({**ENVIRONMENT, name: value})
