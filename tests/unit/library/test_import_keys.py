from __future__ import annotations

import pytest

from eddyline import config
from eddyline.core.errors import InputError, UsageError
from eddyline.library.import_keys import checked_import

PREFIXES = (("ann", "s3://footage/ann"), ("*", "s3://public"))


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("s3://footage/ann/ride.mp4", "ann"),
        ("s3://footage/ann/2026/ride.mp4", "ann"),
        ("s3://public/x.mp4", "ann"),
        ("s3://public/x.mp4", ""),
    ],
)
def test_objects_below_a_prefix_of_the_owner_may_be_imported(address: str, owner: str) -> None:
    assert checked_import(address, owner=owner, prefixes=PREFIXES) == address


@pytest.mark.parametrize(
    "address",
    [
        "s3://footage/anna/ride.mp4",
        "s3://footage/ann",
        "s3://footage/ann/",
        "s3://footage/ann/../bob/ride.mp4",
        "s3://footage/ann//ride.mp4",
        "s3://footage/./ann/ride.mp4",
        "s3://other/ride.mp4",
        "gs://footage/ann/ride.mp4",
        "/etc/passwd",
        "file:///etc/passwd",
        "etc/passwd",
        "https://example.com/ride.mp4",
        "s3://key:secret@footage/ann/x.mp4",
        "",
        "\0",
    ],
)
def test_nothing_else_may_be_imported(address: str) -> None:
    with pytest.raises(InputError):
        checked_import(address, owner="ann", prefixes=PREFIXES)


def test_another_owner_has_other_prefixes() -> None:
    with pytest.raises(InputError, match="not below a prefix"):
        checked_import("s3://footage/ann/ride.mp4", owner="bob", prefixes=PREFIXES)


def test_prefixes_are_a_setting() -> None:
    settings = config.read({"EDDYLINE_IMPORT_PREFIXES": "ann=s3://footage/ann/, *=s3://public"})
    assert settings.import_prefixes == PREFIXES


@pytest.mark.parametrize("value", ["s3://footage", "ann=/home/ann", "ann=", "ann=s3://", "ann=https://x/y"])
def test_an_invalid_prefix_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="EDDYLINE_IMPORT_PREFIXES"):
        config.read({"EDDYLINE_IMPORT_PREFIXES": value})
