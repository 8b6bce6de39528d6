"""The settings of the environment: read once, validated together.

docs/reference/settings.md documents each (a test checks that).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eddyline.core.errors import UsageError

_MAX_COUNT = 1000
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?", re.IGNORECASE)
_PREFIX = re.compile(r"(?:s3|gs|az)://[^/\s]+(?:/[^/\s]+)*/?")
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.:_-]+:[0-9]{1,5}")
_MAX_AMOUNT = 1_000_000_000
_MAX_PRICE = 10_000  # dollars an hour; instances of EC2 cost less than 1,000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Programs that replace those of the wheels (None: the wheel's program), and shared services.

    `store` is the address of the media store, `ledger` a path or a `postgresql://` URL, `queues` the prefix
    of the SQS queue names. `pools` is a file of worker classes (None: the built-in ones), `work` a directory
    for scratch space on this machine. `allow_http`: an endpoint without TLS may be on another machine.

    `poison_after`: consecutive worker losses before a job is treated as poison. `dead_after`: receipts of a
    message before it becomes a dead letter. `sweep_stale_s`: seconds after which a published job that its
    queue no longer seems to contain is published again. `cloudwatch`: coordinators publish metrics of pools
    to CloudWatch. `health`: the file that says when the loops of a process last ran (None: not written).

    Of the web server: `origin` is the address by which browsers reach it (None: that of each request),
    `proxies` are the addresses of proxies whose X-Forwarded headers count, separated by commas, `tiles` is
    the URL template of the tiles of maps (None: maps without tiles).
    `outbound_hosts`: hosts with ports that imports and webhooks may reach at private addresses.
    `import_prefixes`: (owner, prefix) pairs; an owner may import objects below its prefixes, such as
    "s3://footage/ann". The owner "*" stands for all.

    `machine_price`: dollars an hour of a machine outside EC2, for accounts (None: not known).
    `simulation`: the file of simulated figures that the fleet page shows (None: that of the state directory).

    `encryption_keys`: a file of content keys. `key_command`: a program that returns them instead.

    `token`: the token that `eddyline upload` sends to a server.

    `upload_max_gib` to `chapters_wait_s` limit uploads to a server; `quota_` what one owner may have (None:
    unlimited). `chapters_wait_s`: how long a recording waits for its missing files.
    `oidc_...`: the issuer of OpenID Connect tokens that a server accepts (web/auth/oidc.py).
    """

    ffmpeg: Path | None = None
    ffprobe: Path | None = None
    packager: Path | None = None
    store: str | None = None
    ledger: str | None = None
    queues: str | None = None
    pools: Path | None = None
    work: Path | None = None
    allow_http: bool = False
    poison_after: int | None = None
    dead_after: int = 10
    sweep_stale_s: float = 120.0
    cloudwatch: bool = False
    health: Path | None = None
    machine_price: float | None = None
    simulation: Path | None = None
    encryption_keys: Path | None = None
    key_command: Path | None = None
    token: str | None = field(default=None, repr=False)
    origin: str | None = None
    proxies: str | None = None
    tiles: str | None = None
    outbound_hosts: frozenset[str] = frozenset()
    import_prefixes: tuple[tuple[str, str], ...] = ()
    upload_max_gib: float = 256.0
    upload_reserve_gib: float = 2.0
    uploads_open: int = 100
    upload_expires_h: float = 168.0
    chapters_wait_s: float = 3600.0
    quota_gib: float | None = None
    quota_assets: int | None = None
    quota_hours: float | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks: str | None = None
    oidc_owner_claim: str = "sub"
    oidc_scope_claim: str = "scope"
    oidc_scopes: str = "eddyline.read=read,eddyline.write=write,eddyline.admin=admin"


def _path(name: str, value: str) -> Path:  # noqa: ARG001 - all parsers have one signature
    return Path(value)


def _text(name: str, value: str) -> str:  # noqa: ARG001 - all parsers have one signature
    return value


def _origin(name: str, value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise UsageError(
            f"invalid value {value!r} of {name}",
            remedy="set it to a scheme and a host without a path, such as https://media.example.com",
        )
    return value.lower()


def _tiles(name: str, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "{z}" not in value:
        raise UsageError(
            f"invalid value {value!r} of {name}",
            remedy="set it to the template of a tile server, such as https://tile.example.com/{z}/{x}/{y}.png",
        )
    return value


def _flag(name: str, value: str) -> bool:
    if value not in {"0", "1"}:
        raise UsageError(f"invalid value {value!r} of {name}", remedy="set it to 1 (yes) or 0 (no)")
    return value == "1"


def _hosts(name: str, value: str) -> frozenset[str]:
    hosts = frozenset(each.strip() for each in value.split(",") if each.strip())
    invalid = sorted(host for host in hosts if not _HOST_AND_PORT.fullmatch(host))
    if invalid:
        raise UsageError(
            f"invalid value {invalid[0]!r} of {name}",
            remedy="write hosts with ports, such as hooks.internal:8443,10.0.0.7:80",
        )
    return hosts


def _prefixes(name: str, value: str) -> tuple[tuple[str, str], ...]:
    pairs = [each.strip().partition("=") for each in value.split(",") if each.strip()]
    for owner, equals, prefix in pairs:
        if not equals or _PREFIX.fullmatch(prefix) is None:
            raise UsageError(
                f"invalid value {(owner + equals + prefix)!r} of {name}",
                remedy="write owner=s3://bucket/prefix, several with commas; * stands for all owners",
            )
    return tuple((owner.strip(), prefix.rstrip("/")) for owner, _, prefix in pairs)


def _count(name: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) <= _MAX_COUNT:
        raise UsageError(
            f"invalid value {value!r} of {name}", remedy=f"set it to a whole number from 1 to {_MAX_COUNT}"
        )
    return int(value)


def _amount(name: str, value: str) -> float:
    """A positive number; it bounds what it limits, so infinity and NaN are refused."""
    try:
        amount = float(value)
    except ValueError:
        amount = 0.0
    if not 0 < amount <= _MAX_AMOUNT:
        raise UsageError(
            f"invalid value {value!r} of {name}",
            remedy=f"set it to a number above 0, at most {_MAX_AMOUNT:,}",
        )
    return amount


def _price(name: str, value: str) -> float:
    """Dollars an hour; 0 for a machine that costs nothing."""
    try:
        price = float(value)
    except ValueError:
        price = -1.0
    if not 0 <= price <= _MAX_PRICE:
        raise UsageError(
            f"invalid value {value!r} of {name}", remedy=f"set it to dollars an hour, at most {_MAX_PRICE:,}"
        )
    return price


def _large_count(name: str, value: str) -> int:
    if not value.isdecimal() or len(value) > len(str(_MAX_AMOUNT)) or not 0 < int(value) <= _MAX_AMOUNT:
        raise UsageError(
            f"invalid value {value!r} of {name}", remedy=f"set it to a whole number from 1 to {_MAX_AMOUNT:,}"
        )
    return int(value)


# Each row: the variable, the field and the parser.
_SETTINGS: dict[str, tuple[str, Callable[[str, str], object]]] = {
    "EDDYLINE_FFMPEG": ("ffmpeg", _path),
    "EDDYLINE_FFPROBE": ("ffprobe", _path),
    "EDDYLINE_PACKAGER": ("packager", _path),
    "EDDYLINE_STORE": ("store", _text),
    "EDDYLINE_LEDGER": ("ledger", _text),
    "EDDYLINE_QUEUES": ("queues", _text),
    "EDDYLINE_POOLS": ("pools", _path),
    "EDDYLINE_WORK": ("work", _path),
    "EDDYLINE_ALLOW_HTTP": ("allow_http", _flag),
    "EDDYLINE_POISON_AFTER": ("poison_after", _count),
    "EDDYLINE_DEAD_AFTER": ("dead_after", _count),
    "EDDYLINE_SWEEP_STALE_S": ("sweep_stale_s", _count),
    "EDDYLINE_CLOUDWATCH": ("cloudwatch", _flag),
    "EDDYLINE_HEALTH": ("health", _path),
    "EDDYLINE_MACHINE_PRICE": ("machine_price", _price),
    "EDDYLINE_SIMULATION": ("simulation", _path),
    "EDDYLINE_ORIGIN": ("origin", _origin),
    "EDDYLINE_PROXIES": ("proxies", _text),
    "EDDYLINE_TILES": ("tiles", _tiles),
    "EDDYLINE_OUTBOUND_HOSTS": ("outbound_hosts", _hosts),
    "EDDYLINE_IMPORT_PREFIXES": ("import_prefixes", _prefixes),
    "EDDYLINE_ENCRYPTION_KEYS": ("encryption_keys", _path),
    "EDDYLINE_KEY_COMMAND": ("key_command", _path),
    "EDDYLINE_TOKEN": ("token", _text),
    "EDDYLINE_UPLOAD_MAX_GIB": ("upload_max_gib", _amount),
    "EDDYLINE_UPLOAD_RESERVE_GIB": ("upload_reserve_gib", _amount),
    "EDDYLINE_UPLOADS_OPEN": ("uploads_open", _large_count),
    "EDDYLINE_UPLOAD_EXPIRES_H": ("upload_expires_h", _amount),
    "EDDYLINE_CHAPTERS_WAIT_S": ("chapters_wait_s", _amount),
    "EDDYLINE_QUOTA_GIB": ("quota_gib", _amount),
    "EDDYLINE_QUOTA_ASSETS": ("quota_assets", _large_count),
    "EDDYLINE_QUOTA_HOURS": ("quota_hours", _amount),
    "EDDYLINE_OIDC_ISSUER": ("oidc_issuer", _text),
    "EDDYLINE_OIDC_AUDIENCE": ("oidc_audience", _text),
    "EDDYLINE_OIDC_JWKS": ("oidc_jwks", _text),
    "EDDYLINE_OIDC_OWNER_CLAIM": ("oidc_owner_claim", _text),
    "EDDYLINE_OIDC_SCOPE_CLAIM": ("oidc_scope_claim", _text),
    "EDDYLINE_OIDC_SCOPES": ("oidc_scopes", _text),
}
VARIABLES = tuple(_SETTINGS)
# Variables of the tests, not of the program.
TEST_VARIABLES = frozenset({"EDDYLINE_CASES", "EDDYLINE_DATA", "EDDYLINE_SAMPLES"})


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises `UsageError` for an unknown variable or an invalid value."""
    environment = os.environ if environment is None else environment
    ours = {name: value for name, value in environment.items() if name.startswith("EDDYLINE_")}
    unknown = sorted(set(ours) - set(VARIABLES) - TEST_VARIABLES)
    if unknown:
        raise UsageError(
            f"unknown setting {unknown[0]}", remedy=f"valid settings: {', '.join(sorted(VARIABLES))}"
        )
    found: dict[str, Any] = {}
    for name, (attribute, parser) in _SETTINGS.items():
        if ours.get(name):
            found[attribute] = parser(name, ours[name])
    return Settings(**found)
