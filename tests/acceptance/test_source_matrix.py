"""Sampled sources of every kind, with several profiles, are published correctly, or rejected at inspection.

SOURCE_MATRIX_SEED selects another sample, SOURCE_MATRIX_COUNT its size.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.acceptance.source_matrix import sampled, write
from tests.acceptance.source_outcomes import PROFILES, process

SEED = int(os.environ.get("SOURCE_MATRIX_SEED", "8"))
SHARDS = 6
COUNT = int(os.environ.get("SOURCE_MATRIX_COUNT", "60"))
LEAST_PUBLISHED = 0.85  # a share; far fewer sources have a reason to be rejected
MOST_UNWRITTEN = 0.08  # the share that FFmpeg cannot write


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_source_is_published_correctly_or_rejected_at_inspection(
    shard: int, tmp_path: Path, ffmpeg: str, ffprobe: str, eddyline: tuple[str, ...]
) -> None:
    sampled_sources = list(enumerate(sampled(SEED, COUNT)))[shard::SHARDS]
    sources, unwritten = {}, []
    for number, source in sampled_sources:
        path = tmp_path / f"{number:03d}.{source.container}"
        try:
            write(source, path, ffmpeg)
        except subprocess.CalledProcessError:  # a few pairs of codec and container that FFmpeg does not write
            unwritten.append(source)
        else:
            sources[path] = source
    assert len(unwritten) <= MOST_UNWRITTEN * len(sampled_sources), unwritten
    profile = list(PROFILES.values())[shard % len(PROFILES)]
    found = process(sources, profile, tmp_path, ffmpeg=ffmpeg, ffprobe=ffprobe, eddyline=eddyline)
    wrong = [f"{path.name} {sources[path]}: {error}" for path, each in found.items() for error in each.errors]
    assert not wrong, f"seed {SEED}:\n" + "\n".join(wrong)
    published = sum(not each.rejection for each in found.values())
    assert published >= LEAST_PUBLISHED * len(sources), found
