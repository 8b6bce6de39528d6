"""The kinds of jobs that matter to the catalogue; `pipeline/planning/job_kinds` has the table of all."""

from __future__ import annotations

from typing import Final

FIRST_KIND: Final = "inspect"
"""The kind of the first job of an asset, which adds the others."""

PUBLISHING_KIND: Final = "publish"
"""The kind whose result publishes an asset and carries the facts of the catalogue."""

INTERNAL_KINDS: Final = frozenset({"tidy"})
"""The kinds that run after the publication; their failures are not failures of the asset."""
