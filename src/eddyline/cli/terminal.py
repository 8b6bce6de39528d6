"""Consoles for output: with colours on a terminal, without in a pipe."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.text import Text

_PIPE_WIDTH = 1000


def console(*, errors: bool = False) -> Console:
    """A console for standard output or standard error that does not interpret markup or emoji codes.

    Text in a pipe is not wrapped or truncated, so that ids and paths are complete.
    """
    stream = sys.stderr if errors else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def shrinkable_cell(text: str) -> Text:
    """A table cell that is truncated when space is short, so that the other cells are complete.

    Its column must allow wrapping: Rich shrinks such columns first.
    """
    return Text(text, no_wrap=True, overflow="ellipsis")
