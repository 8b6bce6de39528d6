from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.media.ladder import profile
from eddyline.media.ladder.profile import Profile

_RUNG = "{height: 720, codec: h264, crf: 22, preset: veryfast, maxrate_kbps: 4000, bufsize_kbps: 8000}"


def _written(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_the_built_in_profiles_are_these() -> None:
    assert profile.profile_names() == ("archive", "default", "fast")


@pytest.mark.parametrize("name", profile.profile_names())
def test_every_built_in_profile_loads_under_its_own_name(name: str) -> None:
    loaded = profile.load_profile(name)
    assert loaded.name == name
    assert loaded.description


def test_the_default_plays_in_every_browser() -> None:
    loaded = profile.load_profile("default")
    assert {(rung.codec, rung.pixel_format) for rung in loaded.rungs} == {("h264", "yuv420p")}
    assert [rung.height for rung in loaded.rungs] == [2160, 1440, 1080, 720, 480, 360]
    assert loaded.package


def test_the_archive_keeps_hdr_in_ten_bits_at_the_sources_size() -> None:
    (rung,) = profile.load_profile("archive").rungs
    assert rung.height == "source"
    assert rung.pixel_format == "yuv420p10le"
    assert profile.load_profile("archive").hdr == "keep"


def test_a_file_needs_only_rungs_and_takes_its_own_name(tmp_path: Path) -> None:
    loaded = profile.load_profile(_written(tmp_path, f"rungs: [{_RUNG}]"))
    assert loaded.name == "mine"
    assert (loaded.gop_s, loaded.segment_s, loaded.hdr) == (2.0, 4.0, "tonemap")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rungs: []", ["rungs", "at least 1"]),
        ("{}", ["rungs", "required"]),
        ("- 1", ["whole file"]),
        (f"rungs: [{_RUNG}]\ncolour: red", ["colour", "no such key"]),
        (f"rungs: [{_RUNG.replace('crf: 22', 'crf: 99')}]", ["rungs[0]", "between 0 and 51", "99"]),
        (f"rungs: [{_RUNG.replace('veryfast', 'warp')}]", ["rungs[0]", "veryfast", "warp"]),
        (f"rungs: [{_RUNG.replace('h264', 'h263')}]", ["rungs[0].codec", "'h264', 'hevc' or 'av1'", "h263"]),
        (f"rungs: [{_RUNG.replace('720', '721')}]", ["rungs[0].height", "multiple of 2"]),
        (f"rungs: [{_RUNG.replace('720', 'tall')}]", ["rungs[0].height", "source"]),
        (f"rungs: [{_RUNG.replace('}', ', pixel_format: yuv420p10le}')}]", ["rungs[0]", "yuv420p"]),
        (f"rungs: [{_RUNG.replace('}', ', encoder: h264_qsv}')}]", ["libx264, h264_nvenc", "h264_qsv"]),
        (f"rungs: [{_RUNG.replace('}', ', encoder: hevc_nvenc}')}]", ["of h264 is one of", "hevc_nvenc"]),
        (f"rungs: [{_RUNG.replace('}', ', encoder: h264_nvenc}')}]", ["of h264_nvenc", "p1, p2", "veryfast"]),
        (
            f"rungs: [{_RUNG.replace('22, preset: veryfast', '0, preset: p5, encoder: h264_nvenc')}]",
            ["crf of h264_nvenc lies between 1 and 51"],
        ),
        (f"rungs: [{_RUNG}, {_RUNG}]", ["differ"]),
        (f"rungs: [{_RUNG}]\ngop_s: 3.0", ["whole multiple"]),
        (f"rungs: [{_RUNG}]\nhdr: keep", ["10le"]),
        (
            f"rungs: [{_RUNG}]\naudio: {{normalise: {{target_lufs: 3.0}}}}",
            ["audio.normalise.target_lufs", "3.0"],
        ),
        (f"name: ../../etc\nrungs: [{_RUNG}]", ["name", "../../etc"]),
        (f"rungs: [{_RUNG.replace('{', '{name: a..b, ', 1)}]", ["two dots", "a..b"]),
        ("rungs: [", ["not YAML"]),
        ("!!python/object/apply:os.system [exit]", ["not YAML"]),
        ("a: &a [1]\nb: \x00", ["not YAML"]),
    ],
)
def test_a_mistake_is_named_with_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    path = _written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        profile.load_profile(path)
    for word in ["mine.yaml", *words]:
        assert word in caught.value.message
    assert caught.value.remedy


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="defualt") as caught:
        profile.load_profile("defualt")
    assert "archive, default, fast" in caught.value.remedy


@pytest.mark.parametrize("name", ["nowhere.yaml", "/", "./missing/mine.yml"])
def test_a_file_that_cannot_be_read_is_named(name: str) -> None:
    with pytest.raises(UsageError, match="profile"):
        profile.load_profile(name)


def test_a_file_larger_than_any_profile_is_not_parsed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="larger"):
        profile.load_profile(_written(tmp_path, "#" * 300_000))


def test_the_digest_changes_with_what_is_asked_for_and_not_with_the_name() -> None:
    asked = profile.load_profile("default")
    assert asked.digest() == profile.load_profile("default").digest()
    assert asked.digest() == asked.model_copy(update={"name": "other", "description": ""}).digest()
    assert asked.digest() != asked.model_copy(update={"gop_s": 1.0}).digest()
    assert len({profile.load_profile(name).digest() for name in profile.profile_names()}) == 3


def test_a_profile_survives_the_journey_through_json() -> None:
    asked = profile.load_profile("archive")
    assert Profile.model_validate_json(asked.model_dump_json()) == asked


def test_a_profile_that_asks_for_no_encoder_keeps_the_digest_it_always_had() -> None:
    # Assets are known by these: another digest would encode everything anew.
    assert profile.load_profile("default").digest().startswith("9434e03ae91a2d77")
    assert profile.load_profile("archive").digest().startswith("ca56b2412520b07e")
    assert "encoder" not in profile.load_profile("default").model_dump_json()


def test_an_encoder_asked_for_is_part_of_the_digest_and_of_the_journey(tmp_path: Path) -> None:
    plain = _RUNG.replace("veryfast", "p5").replace("}", ", encoder: h264_nvenc}")
    asked = profile.load_profile(_written(tmp_path, f"rungs: [{plain}]"))
    assert asked.rungs[0].encoder == "h264_nvenc"
    assert asked.digest() != profile.load_profile(_written(tmp_path, f"rungs: [{_RUNG}]")).digest()
    assert Profile.model_validate_json(asked.model_dump_json()) == asked
