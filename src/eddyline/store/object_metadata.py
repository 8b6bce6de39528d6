"""The metadata of an object in an object store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # types only: they do not exist when running
    from obstore import GetResult

# The names of the HTTP headers in obstore; all other names are user metadata.
_STANDARD = frozenset(
    {"Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Cache-Control"}
)


@dataclass(frozen=True, kw_only=True)
class ObjectMetadata:
    """The size in bytes, the entity tag without quotes, and the user metadata.

    `at` is the time of the last modification, in seconds since 1970.
    """

    size: int
    tag: str
    at: float
    content_type: str
    metadata: Mapping[str, str]


def object_metadata(response: GetResult) -> ObjectMetadata:
    """The metadata of the response to a HEAD request."""
    meta, attributes = response.meta, {str(name): str(value) for name, value in response.attributes.items()}
    return ObjectMetadata(
        size=meta["size"],
        tag=(meta["e_tag"] or "").strip('"'),
        at=meta["last_modified"].timestamp(),
        content_type=attributes.get("Content-Type", ""),
        metadata={name.lower(): value for name, value in attributes.items() if name not in _STANDARD},
    )
