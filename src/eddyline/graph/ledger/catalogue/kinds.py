"""The kinds of jobs that matter to the catalogue; `pipeline/planning/job_kinds` has the table of all."""

from __future__ import annotations

from typing import Final

PLANNING_KINDS: Final = frozenset({"inspect", "ladder"})
"""The kinds that plan an asset: they add further jobs, the last of which publishes it."""

PUBLISHING_KIND: Final = "publish"
"""The kind whose result publishes an asset and carries the facts of the catalogue."""

INTERNAL_KINDS: Final = frozenset({"tidy"})
"""The kinds that run after the publication; their failures are not failures of the asset."""
