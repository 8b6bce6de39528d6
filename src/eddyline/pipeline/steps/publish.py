"""Publishes an asset: copies its files to their final keys, then writes the manifest that names them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from eddyline.core.errors import TransientError
from eddyline.graph.ledger.catalogue.facts import RESULT_KEY
from eddyline.page.render import render_page
from eddyline.pipeline.planning.job_kinds import JOB_KINDS
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.publication.catalogue_facts import catalogue_facts
from eddyline.pipeline.publication.manifest import build_manifest, collect_parts, should_keep
from eddyline.pipeline.publication.manifest_sections import PartsByKind
from eddyline.pipeline.publication.published import INTERNAL_FILES, is_complete, read_manifest
from eddyline.pipeline.runtime.runtime import Task
from eddyline.pipeline.runtime.step_handler import StepOutput

_ATTEMPTS = 8  # one is enough unless several jobs publish the same asset at once


def publish(task: Task) -> StepOutput:
    """Publish the asset. An asset that is already published stays readable, and is replaced at one moment.

    Raises `ProofError`, and publishes nothing, if a proof fails, or if the published asset was made from the
    same source by the same programs and differs nevertheless.
    """
    plan, store = task.plan, task.runtime.store
    key = manifest_key(plan.asset)
    parts = collect_parts(plan, task.part, task.chunk_parts)
    built = build_manifest(
        plan,
        parts,
        tools=task.runtime.tools,
        history=task.runtime.history(task.job),
        cpu_s=task.context.cpu.read_s(),
        owner=task.job.owner,
        clock=task.runtime.clock.now,
    )
    data = (json.dumps(built, indent=2, ensure_ascii=False) + "\n").encode()
    copied: frozenset[str] = frozenset()
    for _ in range(_ATTEMPTS):
        tag = store.tag(
            key
        )  # before the manifest is read, so that a change in between makes the comparison fail
        published = read_manifest(store, plan.asset)
        # A published asset with damaged files is to be repaired.
        complete = published is not None and (bool(copied) or is_complete(store, plan.asset, published))
        keep = should_keep(published, built, complete=complete)
        copied = copied or _copy_files(task, parts)
        stored = published if keep and published is not None else built
        _write_page(task, stored)
        if keep or store.compare_and_set(key, data, tag):
            _remove_stale_files(task, copied)
            return StepOutput(result={"manifest": key, RESULT_KEY: catalogue_facts(stored)})
        # Another attempt at this job was first, or the response was lost and the manifest is ours.
    raise TransientError(f"other workers keep publishing asset {plan.asset}")


def _copy_files(task: Task, parts: PartsByKind) -> frozenset[str]:
    """Copy everything but page and manifest to its final key, durably; returns the keys."""
    keys = set()

    def pairs() -> Iterator[tuple[str, str]]:
        for path, source in _files_to_publish(parts):
            task.context.stop.check()
            key = asset_key(task.plan.asset, path)
            yield source, key
            keys.add(key)

    task.runtime.store.copy_all(pairs())
    return frozenset(keys)


def _files_to_publish(parts: PartsByKind) -> list[tuple[str, str]]:
    """(path in the asset, key of the part's file) for every file to publish."""
    return [
        (kind.output_directory + name, part.file(name))
        for kind in JOB_KINDS.values()
        if kind.output_directory is not None
        for part in parts[kind.name]
        for name in sorted(part.files)
        if name not in INTERNAL_FILES
    ]


def _write_page(task: Task, manifest: Mapping[str, Any]) -> None:
    html = task.work / "index.html"
    html.write_text(render_page(manifest, _fetch_page_files(task, manifest)), "utf-8")
    task.runtime.store.put(asset_key(task.plan.asset, html.name), html)


def _fetch_page_files(task: Task, manifest: Mapping[str, Any]) -> Path:
    """A local directory with the files that the page embeds."""
    root, storyboard = task.work / "page", manifest["pictures"]["storyboard"]
    subtitles = [each["path"] for each in manifest.get("subtitles", ())]
    for path in (*([] if storyboard is None else [storyboard]), *subtitles):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(task.runtime.store.get(asset_key(task.plan.asset, path)))
    return root


def _remove_stale_files(task: Task, copied: Collection[str]) -> None:
    """Remove files of an earlier manifest, which no manifest names any more."""
    asset, store = task.plan.asset, task.runtime.store
    current = {*copied, manifest_key(asset), asset_key(asset, "index.html")}
    for key in store.list(asset_key(asset, "")):
        if key not in current:
            store.delete(key)
