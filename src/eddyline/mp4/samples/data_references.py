"""Data references (dref): whether a track's samples are in the file itself.

ISO/IEC 14496-12 section 8.7.2. QuickTime adds the entries alis and rsrc, whose records name a file.
"""

from __future__ import annotations

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.boxes import Box

_SELF_CONTAINED = 1
_MAX_ENTRIES = 1_000
_MAX_NAME = 120  # characters in a message
# Offset in an alias record (Inside Macintosh: Files, "Alias Manager"), after version and flags.
_ALIAS_NAME_AT = 50


def require_self_contained(minf: Box) -> None:
    """Raise `UnsupportedError` if the track's data references name other files.

    References without a name mean the file itself, as in players: some writers omit the flag.
    """
    dinf = minf.find("dinf")
    dref = None if dinf is None else dinf.find("dref")
    if dref is None or len(dref.body) < 8:  # noqa: PLR2004 - version, flags and a count
        return
    for number, entry in enumerate(dref.children(8)):
        if number == _MAX_ENTRIES:
            return
        name = _external_name(entry)
        if name:
            raise UnsupportedError(
                f"the media is in another file (an external data reference to {name!r})",
                remedy="pass a self-contained file: open this one, with the files that it refers to, in the"
                " program that created it, and save or export it as self-contained",
                reason="external-media",
            )


def _external_name(entry: Box) -> str:
    """The name of the file that an entry refers to; "" for the file itself."""
    body = bytes(entry.body)
    if len(body) < 4 or int.from_bytes(body[1:4], "big") & _SELF_CONTAINED:  # noqa: PLR2004 - version, flags
        return ""
    body = body[4:]
    if entry.kind in {"url ", "urn "}:
        raw = body.rstrip(b"\0").replace(b"\0", b" ")
    elif len(body) > _ALIAS_NAME_AT:
        raw = body[_ALIAS_NAME_AT + 1 : _ALIAS_NAME_AT + 1 + body[_ALIAS_NAME_AT]]
    else:
        raw = b""
    name = raw.decode("utf-8", "replace")
    return "".join(char for char in name if char.isprintable())[:_MAX_NAME].strip()
