"""Where text goes: colours on a terminal, none in a pipe."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.text import Text

_WIDTH_OF_A_PIPE = 1000


def console(*, errors: bool = False) -> Console:
    """Standard output (or standard error): no colour names or emoji codes are read out of what is printed.

    A pipe has no width: nothing is wrapped or cut for it, so that ids and paths stay whole.
    """
    stream = sys.stderr if errors else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_A_PIPE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def shrinkable_cell(text: str) -> Text:
    """A cell of a table that gives way where there is little room, so that the others stay whole.

    Its column must be one that may wrap: Rich takes from those first.
    """
    return Text(text, no_wrap=True, overflow="ellipsis")
