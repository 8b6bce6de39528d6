"""Manifests are found and read within bounds; references do not lead out of the stream."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.media.streaming.validation.good_stream import MASTER, MPD, good_files, load

from eddyline.core.errors import EddylineError, MissingError, UnsupportedError, UsageError
from eddyline.media.streaming.validation import load as loading
from eddyline.media.streaming.validation.files import LocalFiles, OutsideError
from eddyline.media.streaming.validation.load import find_manifests
from eddyline.media.streaming.validation.validate import validate_directory


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_manifests_are_found_in_a_directory_an_asset_or_by_name(tmp_path: Path) -> None:
    stream = write(tmp_path / "asset" / "stream", good_files())
    assert find_manifests(stream) == (stream, (MASTER, MPD))
    assert find_manifests(tmp_path / "asset") == (stream, (MASTER, MPD))
    assert find_manifests(stream / MPD) == (stream, (MPD,))


def test_manifests_of_other_names_are_found_if_there_is_one_of_each(tmp_path: Path) -> None:
    files = good_files()
    write(
        tmp_path,
        {"index.m3u8": files[MASTER], "audio.m3u8": files["audio/main.m3u8"], "dash.mpd": files[MPD]},
    )
    assert find_manifests(tmp_path) == (tmp_path, ("index.m3u8", "dash.mpd"))
    write(tmp_path, {"second.mpd": files[MPD]})
    with pytest.raises(UsageError, match="several"):
        find_manifests(tmp_path)


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_directory_without_manifests_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="neither") as caught:
        find_manifests(tmp_path / name)
    assert "MPD" in caught.value.remedy


def test_a_file_of_another_kind_is_a_usage_error(tmp_path: Path) -> None:
    write(tmp_path, {"x.m3u8": "hello"})
    with pytest.raises(UsageError, match="neither an HLS playlist nor an MPD"):
        validate_directory(tmp_path / "x.m3u8")


def test_a_media_playlist_is_validated_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"x.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nx.ts\n#EXT-X-ENDLIST\n", "x.ts": "G"},
    )
    report = validate_directory(tmp_path / "x.m3u8")
    assert {each.rule.id for each in report.violated} == {"APPLE-8.6"}
    assert report.notes == ("x.m3u8: only segments of fragmented MP4 are opened",)


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "../../x",
        "a/../../x",
        "%2e%2e/x",
        "http://example.org/x",
        "//host/x",
        "file:///x",
        "\0",
    ],
)
def test_references_stay_in_the_directory(tmp_path: Path, uri: str) -> None:
    with pytest.raises(OutsideError):
        LocalFiles(tmp_path).resolve("sub.m3u8", uri)


def test_references_are_relative_to_their_playlist(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    assert files.resolve("a/b/main.m3u8", "../c%20d/x.m4s?token=1#part") == "a/c d/x.m4s"


def test_links_do_not_lead_out_of_the_directory(tmp_path: Path) -> None:
    write(tmp_path, {"secret/x.m4s": "x", "stream/y.m4s": "y"})
    (tmp_path / "stream" / "x.m4s").symlink_to(tmp_path / "secret" / "x.m4s")
    (tmp_path / "stream" / "sub").symlink_to(tmp_path / "secret")
    (tmp_path / "stream" / "z.m4s").symlink_to(tmp_path / "stream" / "y.m4s")
    files = LocalFiles(tmp_path / "stream")
    for name in ("x.m4s", "sub/x.m4s"):
        with pytest.raises(OutsideError):
            files.open(name)
        with pytest.raises(OutsideError):
            files.size(name)
    assert files.size("z.m4s") == 1
    with pytest.raises(MissingError):
        files.size("gone.m4s")


def test_what_is_read_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MAX_TEXT", 100)
    with pytest.raises(UnsupportedError, match="too large"):
        load(good_files())
    monkeypatch.undo()
    monkeypatch.setattr(loading, "_MAX_PLAYLISTS", 3)
    with pytest.raises(EddylineError, match="more than 3 playlists"):
        load(good_files())


def test_bytes_that_are_not_utf_8_are_read_and_reported() -> None:
    files: dict[str, str | bytes] = dict(good_files())
    files["audio/main.m3u8"] = b"#EXTM3U\n# \xff\n"
    assert load(files).undecodable == ("audio/main.m3u8",)


def test_a_multivariant_playlist_as_a_variant_is_reported() -> None:
    files = good_files()
    files["audio/main.m3u8"] = files[MASTER]
    assert [each.reason for each in load(files).unreadable] == ["audio/main.m3u8 is a multivariant playlist"]
