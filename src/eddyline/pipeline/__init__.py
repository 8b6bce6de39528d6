"""The pipeline from a source to a published asset, and its Python API.

    from eddyline.pipeline import probe, run, telemetry

These three functions and the values that they return are public (docs/reference/python-api.md); everything
else is private by convention. They are loaded on first use, so that importing a submodule stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eddyline.pipeline.api import probe, run, telemetry

__all__ = ["probe", "run", "telemetry"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("eddyline.pipeline.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
