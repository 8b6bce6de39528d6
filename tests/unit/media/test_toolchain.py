from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import TransientError, UnsupportedError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.media.toolchain import Toolchain, input_args


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tools(cache: Path) -> Toolchain:
    return Toolchain.find(cache=cache)


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_programs_of_the_wheels_are_found_with_versions_and_encoders(tools: Toolchain) -> None:
    assert tools.ffmpeg.is_file()
    assert tools.ffprobe.is_file()
    assert tools.packager.is_file()
    assert tools.ffmpeg_version not in {"", "unknown"}
    assert tools.packager_version.startswith("v")
    assert len(tools.ffmpeg_sha256) == len(tools.identity) == 64
    assert {"libx264", "libx265", "libsvtav1", "aac"} <= tools.encoders


def test_a_second_call_neither_hashes_nor_runs_a_binary(tools: Toolchain, cache: Path) -> None:
    stop = Stop()
    stop.request("test")
    assert Toolchain.find(cache=cache, runner=Runner(stop=stop)) == tools


def test_an_invalid_cache_entry_is_replaced(tools: Toolchain, tmp_path: Path) -> None:
    Toolchain.find(cache=tmp_path)
    for entry in tmp_path.iterdir():
        entry.write_text('{"key": 1')
    assert Toolchain.find(cache=tmp_path) == tools


def test_a_cache_that_cannot_be_written_is_ignored(tools: Toolchain, tmp_path: Path) -> None:
    blocked = tmp_path / "a file, not a directory"
    blocked.touch()
    assert Toolchain.find(cache=blocked) == tools


def test_a_different_binary_changes_the_identity(tools: Toolchain, tmp_path: Path, cache: Path) -> None:
    program = _script(tmp_path / "my-packager", "echo my-packager version v9")
    other = Toolchain.find(packager=program, cache=cache)
    assert other.packager_version == "v9"
    assert other.identity != tools.identity
    assert other.ffmpeg_sha256 == tools.ffmpeg_sha256


def test_a_binary_replaced_in_place_changes_the_identity(tmp_path: Path, cache: Path) -> None:
    program = _script(tmp_path / "packager", "echo packager version v1")
    before = Toolchain.find(packager=program, cache=cache)
    _script(program, "echo packager version v1 # patched")
    assert Toolchain.find(packager=program, cache=cache).identity != before.identity


@pytest.mark.parametrize("text", ["echo hello", "exit 3", "echo ffmpeg; exit 1"])
def test_a_program_other_than_ffmpeg_is_rejected(tmp_path: Path, text: str, cache: Path) -> None:
    program = _script(tmp_path / "ffmpeg", text)
    with pytest.raises(UsageError, match="ffmpeg") as caught:
        Toolchain.find(ffmpeg=program, cache=cache)
    assert "working ffmpeg" in caught.value.remedy


def test_a_bare_name_is_searched_in_the_path(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _script(tmp_path / "shaka-of-mine", "echo packager version v7")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = Toolchain.find(packager=Path("shaka-of-mine"), cache=cache)
    assert (found.packager, found.packager_version) == (program, "v7")


def test_a_path_that_is_not_executable_is_rejected(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(UsageError, match="not an executable file"):
        Toolchain.find(ffprobe=tmp_path / "missing", cache=cache)


def test_a_missing_encoder_is_named_with_its_build_option(tools: Toolchain) -> None:
    tools.require({"libx264"})
    with pytest.raises(UnsupportedError, match="without libfuture") as caught:
        tools.require({"libx264", "libfuture"})
    assert "--enable-libfuture" in caught.value.remedy


def test_the_name_of_an_input_is_neither_an_option_nor_a_protocol() -> None:
    assert input_args(Path("concat:a|b")) == ("-protocol_whitelist", "file,pipe", "-i", "file:concat:a|b")


def test_an_invalid_variable_of_the_wheel_is_named_in_the_error(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "ffmpeg")
    with pytest.raises(UsageError, match="IMAGEIO_FFMPEG_EXE: ffmpeg is not an executable file") as caught:
        Toolchain.find(cache=cache)
    assert "unset IMAGEIO_FFMPEG_EXE" in caught.value.remedy


def test_the_variable_of_the_wheel_may_be_a_name_on_the_path(
    tmp_path: Path, cache: Path, tools: Toolchain, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ffmpeg").symlink_to(tools.ffmpeg)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "ffmpeg")
    assert Toolchain.find(cache=cache).ffmpeg == tools.ffmpeg


def test_an_ffmpeg_killed_at_start_up_is_a_transient_error(tmp_path: Path) -> None:
    program = _script(tmp_path / "ffmpeg", "kill -9 $$")
    with pytest.raises(TransientError, match="killed by SIGKILL at start-up"):
        Toolchain.find(ffmpeg=program, cache=tmp_path / "cache")
