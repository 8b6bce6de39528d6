"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import TransientError
from eddyline.pipeline.edit.whole import appearing


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.mp4"
    with appearing(out) as aside:
        aside.write_bytes(b"film")
        assert not out.exists()
    assert out.read_bytes() == b"film"
    assert [each.name for each in out.parent.iterdir()] == ["out.mp4"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")

    def fail() -> None:
        with appearing(out) as aside:
            aside.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert out.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_in_the_way_is_told_in_our_words(tmp_path: Path) -> None:
    def into() -> None:
        with appearing(tmp_path) as aside:
            aside.write_bytes(b"film")

    with pytest.raises(TransientError):
        into()
