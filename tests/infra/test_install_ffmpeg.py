"""The scripts that put FFmpeg and certificates into images, run as processes like in a Dockerfile."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

import imageio_ffmpeg
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", f"infra.docker.{script}", *map(str, arguments)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, *encoders: str) -> Path:
    """A program that lists encoders as FFmpeg does."""
    lines = "\n".join(f" V....D {name:20} an encoder" for name in encoders)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\nEncoders:\n{lines}\nEND\n")
    path.chmod(0o755)
    return path


def archive(directory: Path, top: str = "ffmpeg-8.0-static") -> tuple[str, str]:
    """An archive with `top`/bin/ffmpeg and a library beside it; returns its URL and digest."""
    program(directory / top / "bin" / "ffmpeg", "libx264", "h264_nvenc")
    (directory / top / "lib").mkdir()
    (directory / top / "lib" / "libavcodec.so").write_text("a library")
    path = directory / "ffmpeg.tar.xz"
    with tarfile.open(path, "w:xz") as file:
        file.add(directory / top, arcname=top)
    return path.as_uri(), hashlib.sha256(path.read_bytes()).hexdigest()


def test_without_a_build_of_the_user_the_wheel_s_ffmpeg_is_used(tmp_path: Path) -> None:
    done = run("install_ffmpeg", tmp_path / "ffmpeg", "--url", "", "--sha256", "", "--encoder", "libx264")
    assert done.returncode == 0, done.stderr
    installed = tmp_path / "ffmpeg" / "bin" / "ffmpeg"
    assert installed.resolve() == Path(imageio_ffmpeg.get_ffmpeg_exe()).resolve()


def test_an_archive_is_verified_and_unpacked_with_its_libraries(tmp_path: Path) -> None:
    url, digest = archive(tmp_path)
    done = run("install_ffmpeg", tmp_path / "ffmpeg", "--url", url, "--sha256", digest.upper())
    assert done.returncode == 0, done.stderr
    assert sorted(each.name for each in (tmp_path / "ffmpeg").iterdir()) == ["bin", "lib"]


def test_an_archive_with_another_digest_is_refused(tmp_path: Path) -> None:
    url, _ = archive(tmp_path)
    done = run("install_ffmpeg", tmp_path / "ffmpeg", "--url", url, "--sha256", "0" * 64)
    assert done.returncode == 1
    assert "the SHA-256 is" in done.stderr
    assert not (tmp_path / "ffmpeg" / "bin").exists()


def test_a_url_without_a_digest_is_refused(tmp_path: Path) -> None:
    url, _ = archive(tmp_path)
    done = run("install_ffmpeg", tmp_path / "ffmpeg", "--url", url)
    assert done.returncode == 1
    assert "FFMPEG_SHA256" in done.stderr


def test_an_archive_that_leaves_its_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    path = tmp_path / "hostile.tar"
    with tarfile.open(path, "w") as file:
        file.add(tmp_path / "file", arcname="../../outside")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    done = run("install_ffmpeg", tmp_path / "deep" / "ffmpeg", "--url", path.as_uri(), "--sha256", digest)
    assert done.returncode == 1
    assert not (tmp_path / "outside").exists()
    assert "outside" in done.stderr


def test_an_archive_without_ffmpeg_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    path = tmp_path / "other.tar"
    with tarfile.open(path, "w") as file:
        file.add(tmp_path / "file", arcname="bin/other")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    done = run("install_ffmpeg", tmp_path / "ffmpeg", "--url", path.as_uri(), "--sha256", digest)
    assert done.returncode == 1
    assert "0 files bin/ffmpeg" in done.stderr


def test_a_build_context_is_used_as_it_is(tmp_path: Path) -> None:
    program(tmp_path / "ffmpeg" / "bin" / "ffmpeg", "h264_nvenc", "hevc_nvenc")
    done = run("install_ffmpeg", tmp_path / "ffmpeg", "--encoder", "h264_nvenc", "--encoder", "hevc_nvenc")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("has_url", [True, False])
def test_a_build_context_without_ffmpeg_or_with_a_url_is_refused(tmp_path: Path, *, has_url: bool) -> None:
    url, digest = archive(tmp_path)
    program(tmp_path / "ffmpeg" / ("bin" if has_url else "program") / "ffmpeg", "libx264")
    options = ("--url", url, "--sha256", digest) if has_url else ()
    done = run("install_ffmpeg", tmp_path / "ffmpeg", *options)
    assert done.returncode == 1
    assert "build context ffmpeg" in done.stderr


def test_a_build_without_the_encoders_of_the_pool_is_refused(tmp_path: Path) -> None:
    done = run("install_ffmpeg", tmp_path / "ffmpeg", "--encoder", "h264_nvenc_missing")
    assert done.returncode == 1
    assert "lacks h264_nvenc_missing: pass another build of FFmpeg" in done.stderr


def test_a_program_that_does_not_run_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path / "ffmpeg" / "bin" / "ffmpeg")
    path.write_text("#!/bin/sh\necho of another architecture >&2\nexit 1\n")
    done = run("install_ffmpeg", tmp_path / "ffmpeg")
    assert done.returncode == 1
    assert "of another architecture" in done.stderr


def test_a_file_is_fetched_with_or_without_its_digest(tmp_path: Path) -> None:
    source, target = tmp_path / "bundle.pem", tmp_path / "ca.pem"
    source.write_text("certificates")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    for sha256 in ("", digest):
        done = run("fetch", source.as_uri(), target, "--sha256", sha256)
        assert done.returncode == 0, done.stderr
        assert target.read_text() == "certificates"


@pytest.mark.parametrize("url", ["http://example.invalid/ca.pem", "ftp://example.invalid/ca.pem", "ca.pem"])
def test_other_protocols_are_refused(tmp_path: Path, url: str) -> None:
    done = run("fetch", url, tmp_path / "ca.pem")
    assert done.returncode == 1
    assert "only https:// and file:///" in done.stderr
