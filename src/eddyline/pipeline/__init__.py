"""The pipeline from a source to a published asset, and its Python API.

    from eddyline.pipeline import probe, run, telemetry

These three functions and the values that they return are public (docs/reference/python-api.md); everything
else is private by convention. They are loaded on first use, so that importing a submodule stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eddyline.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from eddyline.pipeline.api.probe import probe
    from eddyline.pipeline.api.run import run
    from eddyline.pipeline.api.telemetry import telemetry

__all__ = ["probe", "run", "telemetry"]

__getattr__ = lazy_names(globals(), {f"eddyline.pipeline.api.{name}": name for name in __all__})
