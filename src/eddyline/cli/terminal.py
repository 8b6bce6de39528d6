"""Where text goes: colours on a terminal, none in a pipe."""

from __future__ import annotations

import sys

from rich.console import Console


def console(*, errors: bool = False) -> Console:
    """Standard output (or standard error): no colour names or emoji codes are read out of what is printed."""
    return Console(file=sys.stderr if errors else sys.stdout, highlight=False, markup=False, emoji=False)
