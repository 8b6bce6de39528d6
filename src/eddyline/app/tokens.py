"""The ledger in which `eddyline token` keeps tokens: that of an output directory, or of a fleet."""

from __future__ import annotations

from pathlib import Path

from eddyline.app.library import DEFAULT_OUT
from eddyline.app.shared_services import SharedServices
from eddyline.core import files
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.run_directory import RunDirectory


def open_token_ledger(out: Path | None, ledger: str) -> Ledger:
    """Open the ledger of the fleet if one is set and `out` is not, else that of the directory.

    The directory is created if it does not exist: a server that listens on a network needs a token before
    its first start. Raises `UsageError` for both a directory and a ledger.
    """
    shared = SharedServices.from_options(ledger=ledger, out=out)
    if out is None and shared.ledger:
        return shared.open_plain_ledger()
    directory = RunDirectory(out or DEFAULT_OUT)
    with files.translate_errors(f"creating {directory.state}"):
        directory.state.mkdir(parents=True, exist_ok=True)
    return Ledger.open(directory.ledger)
