"""Videos are found in directories, on camera cards and in buckets; other files are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.servers.ministack import Ministack

from eddyline.core.errors import EddylineError, MissingError, UsageError
from eddyline.pipeline.submission.discover import discover
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import BUCKETS, open_store
from eddyline.store.store_settings import StoreSettings

MATROSKA = b"\x1aE\xdf\xa3" + bytes(60)
TRANSPORT_STREAM = (b"\x47" + bytes(187)) * 5


@dataclass(frozen=True)
class Found:
    """The result of discovery, as paths."""

    videos: tuple[Path, ...]
    skipped: tuple[tuple[Path, str], ...]
    failed: tuple[tuple[Path, EddylineError], ...]


def find(*sources: Path) -> Found:
    result = discover(sources)
    return Found(
        videos=tuple(map(Path, result.videos)),
        skipped=tuple((Path(each), reason) for each, reason in result.skipped),
        failed=tuple((Path(each), error) for each, error in result.failed),
    )


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def reasons(result: Found) -> dict[str, str]:
    return {path.name: reason for path, reason in result.skipped}


def test_a_named_file_is_a_video_with_any_name(tmp_path: Path) -> None:
    path = put(tmp_path / "holiday.xyz", b"not video at all")
    assert find(path).videos == (path,)


def test_only_the_clips_of_a_camera_card_are_found(tmp_path: Path) -> None:
    card = tmp_path / "DCIM" / "100GOPRO"
    clip = put(card / "GX010042.MP4")
    put(card / "GX010042.THM")
    put(card / "GL010042.LRV")
    put(card / "GOPR0001.JPG")
    result = find(tmp_path)
    assert result.videos == (clip,)
    assert set(reasons(result)) == {"GX010042.THM", "GL010042.LRV", "GOPR0001.JPG"}
    assert "proxy" in reasons(result)["GL010042.LRV"]
    assert "thumbnail" in reasons(result)["GX010042.THM"]


def test_chapters_are_in_recording_order(tmp_path: Path) -> None:
    for name in ("GX010043.MP4", "GX020042.MP4", "GX010042.MP4", "GP010007.MP4", "GOPR0007.MP4"):
        put(tmp_path / name)
    for name in ("GPFR0008.MP4", "GF010007.MP4", "GPFR0007.MP4"):
        put(tmp_path / name)
    names = [path.name for path in find(tmp_path).videos]
    assert names[:2] == ["GOPR0007.MP4", "GP010007.MP4"]
    assert names[2:5] == ["GPFR0007.MP4", "GF010007.MP4", "GPFR0008.MP4"]
    assert names[5:] == ["GX010042.MP4", "GX020042.MP4", "GX010043.MP4"]


def test_an_unknown_extension_is_classified_by_its_first_bytes(tmp_path: Path) -> None:
    good = put(tmp_path / "a.weird", MATROSKA)
    put(tmp_path / "b.weird", b"some text")
    result = find(tmp_path)
    assert result.videos == (good,)
    assert reasons(result) == {"b.weird": "not recognised as video: the file is text, not a video"}


def test_typescript_is_not_mistaken_for_a_transport_stream(tmp_path: Path) -> None:
    stream = put(tmp_path / "a.ts", TRANSPORT_STREAM)
    put(tmp_path / "index.ts", b"export const x = 1;")
    result = find(tmp_path)
    assert result.videos == (stream,)
    assert reasons(result) == {"index.ts": "not a transport stream"}


def test_hidden_files_and_directories_are_ignored(tmp_path: Path) -> None:
    put(tmp_path / "._GX010042.MP4")
    put(tmp_path / ".Trashes" / "old.mp4")
    assert find(tmp_path) == Found(videos=(), skipped=(), failed=())


def test_results_of_an_earlier_run_are_skipped(tmp_path: Path) -> None:
    clip = put(tmp_path / "clip.mp4")
    put(tmp_path / "out" / ".eddyline" / "ledger.db")
    put(tmp_path / "out" / "assets" / "abc" / "renditions" / "1080p.mp4")
    result = find(tmp_path)
    assert result.videos == (clip,)
    assert reasons(result) == {"out": "results of an earlier run"}


def test_videos_beside_the_results_are_found_if_the_output_directory_is_named(tmp_path: Path) -> None:
    put(tmp_path / ".eddyline" / "ledger.db")
    put(tmp_path / "assets" / "abc" / "renditions" / "1080p.mp4")
    clip = put(tmp_path / "clip.mp4")
    assert find(tmp_path).videos == (clip,)


def test_loops_of_links_are_skipped(tmp_path: Path) -> None:
    clip = put(tmp_path / "in" / "clip.mp4")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self.mp4").symlink_to(tmp_path / "in" / "self.mp4")
    result = find(tmp_path / "in")
    assert result.videos == (clip,)
    assert reasons(result) == {
        "again": "a link into the same directory",
        "self.mp4": "a broken link",
    }


def test_links_out_of_the_named_directory_are_not_followed(tmp_path: Path) -> None:
    secret = put(tmp_path / "elsewhere" / "secret.mp4")
    directory = tmp_path / "in"
    directory.mkdir()
    (directory / "secret.mp4").symlink_to(secret)
    (directory / "elsewhere").symlink_to(secret.parent)
    result = find(directory)
    assert result.videos == ()
    assert set(reasons(result).values()) == {"a link out of the directory"}


def test_a_named_link_is_followed(tmp_path: Path) -> None:
    clip = put(tmp_path / "clip.mp4")
    link = tmp_path / "link.mp4"
    link.symlink_to(clip)
    assert find(link).videos == (link,)


def test_a_file_that_is_named_twice_is_listed_once(tmp_path: Path) -> None:
    clip = put(tmp_path / "clip.mp4")
    other = tmp_path / "hard.mp4"
    os.link(clip, other)
    assert find(clip, tmp_path, clip).videos == (clip,)


def test_a_missing_source_does_not_stop_the_others(tmp_path: Path) -> None:
    clip = put(tmp_path / "clip.mp4")
    result = find(tmp_path / "gone.mp4", clip)
    assert result.videos == (clip,)
    ((path, error),) = result.failed
    assert path.name == "gone.mp4"
    assert isinstance(error, MissingError)
    assert error.remedy


@pytest.mark.parametrize("name", ["a\0b.mp4", "x" * 300, "clip.mp4/inner.mp4"])
def test_a_path_that_cannot_exist_fails_with_a_reason(tmp_path: Path, name: str) -> None:
    put(tmp_path / "clip.mp4")
    assert len(find(tmp_path / name).failed) == 1


@pytest.mark.timeout(10)
def test_a_named_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert reasons(find(tmp_path)) == {"pipe.mp4": "not a regular file"}
    assert len(find(tmp_path / "pipe.mp4").failed) == 1


def test_names_that_are_not_unicode_are_found(tmp_path: Path) -> None:
    try:
        clip = put(tmp_path / os.fsdecode(b"\xff\n.mp4"))
    except OSError:
        pytest.skip("this file system accepts only UTF-8 names")
    assert find(tmp_path).videos == (clip,)


def test_a_deep_directory_is_walked(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(200):
        folder /= "d"
    clip = put(folder / "clip.mp4")
    assert find(tmp_path).videos == (clip,)


@pytest.fixture
def bucket(ministack: Ministack) -> Iterator[ObjectStore]:
    """A bucket with sources."""
    BUCKETS.configure(ministack.settings)
    store = open_store(f"s3://{ministack.bucket()}", ministack.settings)
    assert isinstance(store, ObjectStore)
    yield store
    BUCKETS.configure(StoreSettings())


def test_a_named_object_is_a_video_with_any_name(bucket: ObjectStore) -> None:
    bucket.put_bytes("card/holiday.xyz", b"not video at all")
    address = f"{bucket.address}/card/holiday.xyz"
    assert discover([address, address]).videos == (address,)


def test_objects_below_a_prefix_are_in_recording_order(bucket: ObjectStore) -> None:
    for name in ("GX010043.MP4", "GX020042.MP4", "GX010042.MP4", "GX010042.THM", "sub/a.mov", ".trash/b.mp4"):
        bucket.put_bytes(f"card/{name}", b"x")
    bucket.put_bytes("card/good.weird", MATROSKA)
    bucket.put_bytes("card/bad.weird", b"some text")
    bucket.put_bytes("cardboard/c.mp4", b"x")
    result = discover([f"{bucket.address}/card/"])
    names = [each.removeprefix(f"{bucket.address}/card/") for each in result.videos]
    assert names == ["GX010042.MP4", "GX020042.MP4", "GX010043.MP4", "good.weird", "sub/a.mov"]
    assert {each.rpartition("/")[2]: why for each, why in result.skipped} == {
        "GX010042.THM": "the camera's thumbnail of a clip",
        "bad.weird": "not recognised as video: the file is text, not a video",
    }


def test_earlier_results_in_a_whole_bucket_are_skipped(bucket: ObjectStore) -> None:
    bucket.put_bytes("a.mp4", b"x")
    for key in (".eddyline/parts/a/x.mp4", "assets/a/renditions/1080p.mp4"):
        bucket.put_bytes(key, b"x")
        bucket.put_bytes(f"old/{key}", b"x")
    bucket.put_bytes("old/b.mp4", b"x")
    result = discover([f"{bucket.address}/"])
    assert result.videos == (f"{bucket.address}/a.mp4",)
    assert result.skipped == ((f"{bucket.address}/old", "results of an earlier run"),)


def test_an_object_with_an_invalid_key_is_skipped_with_a_reason(
    bucket: ObjectStore, ministack: Ministack
) -> None:
    bucket.put_bytes("card/a.mp4", b"x")
    name = bucket.address.removeprefix("s3://")
    assert ministack.request("PUT", f"/{name}/card/back%5Cslash.mp4")[0] == 200
    result = discover([f"{bucket.address}/card/"])
    assert result.videos == (f"{bucket.address}/card/a.mp4",)
    ((skipped, reason),) = result.skipped
    assert skipped.endswith("card/back\\slash.mp4")
    assert "backslashes" in reason


def test_a_missing_object_fails_with_a_remedy_and_does_not_stop_the_others(
    bucket: ObjectStore,
) -> None:
    bucket.put_bytes("a.mp4", b"x")
    invalid = (f"{bucket.address}/no.mp4", f"{bucket.address}/no/", "ftp://host/a.mp4", "s3://BAD/a.mp4")
    result = discover([*invalid, f"{bucket.address}/a.mp4"])
    assert result.videos == (f"{bucket.address}/a.mp4",)
    assert [type(error) for _, error in result.failed] == [MissingError, MissingError, UsageError, UsageError]
    assert all(error.remedy for _, error in result.failed)


def test_a_file_address_is_a_local_file(tmp_path: Path) -> None:
    clip = put(tmp_path / "my clip.mp4")
    assert discover([clip.as_uri()]).videos == (str(clip),)
