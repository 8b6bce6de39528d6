"""Folders of a camera's card: DCIM/100GOPRO, DCIM/101GOPRO, DCIM/100GFRNT.

DCF (CIPA DC-009, section 3.2) names a folder by a number from 100 to 999 and five characters. A camera opens
the next one when the numbers of its files or the room of a folder run out, which may happen within a
recording: the chapters that follow are then in the next folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_NAME = re.compile(r"([1-9]\d\d)([A-Z0-9_]{5})", re.IGNORECASE | re.ASCII)
_FIRST, _LAST = 100, 999


@dataclass(frozen=True, kw_only=True)
class CardFolder:
    """A folder as far as chapters are concerned.

    `row` is what the folders of one card have in common: the folder above them and the five characters.
    `number` counts them; a folder that no camera names is a row of its own.
    """

    row: str
    number: int


def card_folder(folder: PurePosixPath) -> CardFolder:
    """What a folder is by its name."""
    found = _NAME.fullmatch(folder.name)
    if found is None:
        return CardFolder(row=str(folder), number=0)
    return CardFolder(row=str(folder.parent / f"*{found[2].upper()}"), number=int(found[1]))


def beside(folder: PurePosixPath, step: int) -> PurePosixPath | None:
    """The folder so many steps on in its row, by name; None where a camera gives no such name."""
    found = _NAME.fullmatch(folder.name)
    if found is None or not _FIRST <= int(found[1]) + step <= _LAST:
        return None
    return folder.with_name(f"{int(found[1]) + step}{found[2]}")
