"""Output files appear complete or not at all; the next write removes temporary files of a killed process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eddyline.core.atomic_output import atomic_output
from eddyline.core.errors import TransientError

WRITER = """
import sys
from pathlib import Path
from eddyline.core.atomic_output import atomic_output
with atomic_output(Path(sys.argv[1])) as output:
    output.file.write_bytes(b"theirs")
    (output.work / "audio.m4a").write_bytes(b"audio")
    print("writing", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def writer(out: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has written all of `out`, and renames it after a line on its standard input."""
    command = [sys.executable, "-c", WRITER, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def write(out: Path, data: bytes) -> None:
    with atomic_output(out) as output:
        output.file.write_bytes(data)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_file_appears_after_its_last_write(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.mp4"
    with atomic_output(out) as output:
        output.file.write_bytes(b"data")
        (output.work / "out.mp4").write_bytes(b"partial")
        assert not out.exists()
    assert out.read_bytes() == b"data"
    assert names(out.parent) == ["out.mp4"]


def test_a_failure_leaves_the_existing_file_unchanged(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")

    def fail() -> None:
        with atomic_output(out) as output:
            output.file.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert out.read_bytes() == b"old"
    assert names(tmp_path) == ["out.mp4"]


def test_a_directory_at_the_output_path_is_a_transient_error(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    (out / "directory").mkdir(parents=True)
    with pytest.raises(TransientError, match=r"writing out\.mp4"):
        write(out, b"data")
    assert names(tmp_path) == ["out.mp4"]


def test_temporary_files_of_a_killed_writer_are_removed_by_the_next_write_of_that_file(
    tmp_path: Path,
) -> None:
    out, other = tmp_path / "out.mp4", tmp_path / "other.mp4"
    with writer(out) as killed:
        killed.kill()
        killed.wait()
    temporary = names(tmp_path)
    assert len(temporary) == 1
    write(other, b"data")
    assert names(tmp_path) == [*temporary, "other.mp4"]
    write(out, b"data")
    assert names(tmp_path) == ["other.mp4", "out.mp4"]


def test_the_last_of_two_concurrent_writers_replaces_the_file(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with writer(out) as other:
        write(out, b"ours")
        assert out.read_bytes() == b"ours"
        other.communicate("\n", timeout=60)
        assert other.returncode == 0
    assert out.read_bytes() == b"theirs"
    assert names(tmp_path) == ["out.mp4"]


def test_foreign_files_are_kept(tmp_path: Path) -> None:
    foreign = [".out.mp4.Ab3xYz", ".out.mp4.0123abcd", ".outXmp4.0123abcd"]
    for name in foreign:
        (tmp_path / name).write_bytes(b"rsync")
    (tmp_path / ".out.mp4.89abcdef").mkdir()
    (tmp_path / ".out.mp4.89abcdef" / "notes").write_bytes(b"other")
    before = names(tmp_path)
    write(tmp_path / "out.mp4", b"data")
    assert names(tmp_path) == sorted([*before, "out.mp4"])
