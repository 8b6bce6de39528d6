"""What an object store says of one object without sending it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # types only: they do not exist when running
    from obstore import GetResult

# How the store's library names what HTTP itself knows; every other name is the uploader's.
_STANDARD = frozenset(
    {"Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Cache-Control"}
)


@dataclass(frozen=True, kw_only=True)
class ObjectMetadata:
    """Size in bytes, the entity tag without its quotes, and the metadata that its uploader gave it.

    `at` is when it was put there, in seconds since 1970.
    """

    size: int
    tag: str
    at: float
    content_type: str
    metadata: Mapping[str, str]


def object_metadata(answer: GetResult) -> ObjectMetadata:
    """The facts in an answer to a request for the head of an object."""
    meta, attributes = answer.meta, {str(name): str(value) for name, value in answer.attributes.items()}
    return ObjectMetadata(
        size=meta["size"],
        tag=(meta["e_tag"] or "").strip('"'),
        at=meta["last_modified"].timestamp(),
        content_type=attributes.get("Content-Type", ""),
        metadata={name.lower(): value for name, value in attributes.items() if name not in _STANDARD},
    )
