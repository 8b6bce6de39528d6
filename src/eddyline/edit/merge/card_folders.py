"""Directories of a camera card: DCIM/100GOPRO, DCIM/101GOPRO, DCIM/100GFRNT.

DCF (CIPA DC-009, section 3.2) names a directory by a number from 100 to 999 and five characters. A camera
opens the next directory when file numbers or directory entries are used up. If that happens within a
recording, the following chapters are in the next directory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_NAME = re.compile(r"([1-9]\d\d)([A-Z0-9_]{5})", re.IGNORECASE | re.ASCII)
_FIRST, _LAST = 100, 999


@dataclass(frozen=True, kw_only=True)
class CardFolder:
    """A directory of a card.

    `row` identifies the sequence: the parent directory and the five characters. `number` is the position in
    it. A directory with another name forms a sequence by itself, with number 0.
    """

    row: str
    number: int


def card_folder(folder: PurePosixPath) -> CardFolder:
    """Parse the name of a directory."""
    found = _NAME.fullmatch(folder.name)
    if found is None:
        return CardFolder(row=str(folder), number=0)
    return CardFolder(row=str(folder.parent / f"*{found[2].upper()}"), number=int(found[1]))


def neighbor_folder(folder: PurePosixPath, step: int) -> PurePosixPath | None:
    """Return the directory `step` positions later in its sequence; None if its name is not a DCF name."""
    found = _NAME.fullmatch(folder.name)
    if found is None or not _FIRST <= int(found[1]) + step <= _LAST:
        return None
    return folder.with_name(f"{int(found[1]) + step}{found[2]}")
