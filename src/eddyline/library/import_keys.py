"""Which objects of stores an owner may import: those below its prefixes, and never a file of this machine."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.core.errors import InputError, UsageError
from eddyline.store.addresses import parse, parse_object

ALL_OWNERS = "*"


def checked_import(address: str, *, owner: str, prefixes: Sequence[tuple[str, str]]) -> str:
    """The address, if the owner may import this object. Raises `InputError` for all others.

    `prefixes` are (owner, prefix) pairs of the setting EDDYLINE_IMPORT_PREFIXES. A prefix ends at a slash:
    "s3://footage/ann" does not cover "s3://footage/anna/ride.mp4".
    """
    try:
        place, key = parse_object(address)
    except UsageError as error:
        raise InputError(error.message, remedy=error.remedy) from error
    allowed = [prefix for who, prefix in prefixes if who in {owner, ALL_OWNERS}]
    found = f"{place}/{key}"
    if place.local or not any(found.startswith(f"{parse(prefix)}/") for prefix in allowed):
        raise InputError(
            "this address is not below a prefix from which you may import",
            remedy=f"use an object below {', '.join(f'{each}/' for each in allowed)}"
            if allowed
            else "upload the file, or ask the operator to add a prefix to EDDYLINE_IMPORT_PREFIXES",
        )
    return found
