"""The settings of a Lambda function, from its environment variables; Terraform writes them.

| variable | meaning |
|---|---|
| `PREFIX` | the prefix of all names |
| `POOLS` | JSON: for each pool `hook_s` (seconds that a scale-in grants), `rebalance` (`avoid` or `replace`), and optionally `max_replacements_per_hour` |
| `FLEET_QUEUE_URL` | the queue of fleet events, which coordinators consume |
| `DRAIN_QUEUE_URL` | the queue of the delayed checks; only for the general drain function |
"""  # noqa: E501 - a table

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eddyline.core.errors import UsageError
from eddyline.core.formatting import short_repr
from eddyline.fleet.rebalance_policy import DEFAULT_MAX_REPLACEMENTS, RebalancePolicy

MIN_HOOK_S = 30
MAX_HOOK_S = 7200
"""The bounds of a heartbeat timeout (Auto Scaling API, PutLifecycleHook)."""

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)
_MAX_POOLS = 32
_MAX_REPLACEMENTS = 1000
_REMEDY = "the Terraform module writes this variable: apply it again, or correct the function's environment"


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """What the functions need to know of a pool; `hook_s` is in seconds."""

    hook_s: float
    rebalance: RebalancePolicy = RebalancePolicy.AVOID
    max_replacements_per_hour: int = DEFAULT_MAX_REPLACEMENTS


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The validated settings; `drain_queue_url` is empty for functions that do not need it."""

    prefix: str
    fleet_queue_url: str
    drain_queue_url: str
    pools: Mapping[str, PoolSettings]


def load_settings(environ: Mapping[str, str], *, needs_drain_queue: bool = False) -> Settings:
    """Read and validate the environment; raises `UsageError` that names the variable."""
    prefix = environ.get("PREFIX", "")
    if not _PREFIX.fullmatch(prefix):
        raise _invalid("PREFIX", f"{short_repr(prefix)} is not a prefix of names")
    return Settings(
        prefix=prefix,
        fleet_queue_url=_url(environ, "FLEET_QUEUE_URL"),
        drain_queue_url=_url(environ, "DRAIN_QUEUE_URL") if needs_drain_queue else "",
        pools=_pools(environ.get("POOLS", "")),
    )


def _url(environ: Mapping[str, str], name: str) -> str:
    url = environ.get(name, "")
    if not url.startswith(("https://", "http://")):
        raise _invalid(name, f"{short_repr(url)} is not the URL of a queue")
    return url


def _pools(text: str) -> Mapping[str, PoolSettings]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("POOLS", f"{short_repr(text)} is not JSON") from None
    if not isinstance(found, dict) or not 0 < len(found) <= _MAX_POOLS:
        raise _invalid("POOLS", f"expected an object with 1 to {_MAX_POOLS} pools")
    return {name: _pool(name, each) for name, each in found.items()}


def _pool(name: str, found: object) -> PoolSettings:
    if not isinstance(found, dict):
        raise _invalid("POOLS", f"{short_repr(name)} is not an object")
    hook_s = _number(name, found, "hook_s", MIN_HOOK_S, MAX_HOOK_S)
    most = _number(
        name,
        {"max_replacements_per_hour": DEFAULT_MAX_REPLACEMENTS, **found},
        "max_replacements_per_hour",
        0,
        _MAX_REPLACEMENTS,
    )
    policy = found.get("rebalance", RebalancePolicy.AVOID)
    if policy not in list(RebalancePolicy):
        raise _invalid("POOLS", f"{name}.rebalance is {short_repr(policy)}, not avoid or replace")
    return PoolSettings(hook_s=hook_s, rebalance=RebalancePolicy(policy), max_replacements_per_hour=int(most))


def _number(name: str, found: Mapping[str, Any], key: str, least: float, most: float) -> float:
    value = found.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _invalid("POOLS", f"{name}.{key} is {short_repr(value)}, not between {least:g} and {most:g}")
    return float(value)


def _invalid(variable: str, problem: str) -> UsageError:
    return UsageError(f"{variable}: {problem}", remedy=_REMEDY)
