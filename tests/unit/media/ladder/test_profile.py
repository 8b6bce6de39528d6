from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.media.ladder import profile
from eddyline.media.ladder.profile import Profile

_RUNG = "{height: 720, codec: h264, crf: 22, preset: veryfast, maxrate_kbps: 4000, bufsize_kbps: 8000}"


def _write_profile(directory: Path, text: str) -> str:
    path = directory / "mine.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_the_built_in_profiles_have_their_documented_names() -> None:
    assert profile.profile_names() == (
        "archive",
        "default",
        "fast",
        "hevc-hdr",
        "modern",
        "modern-hq",
        "progressive",
        "smart",
        "square",
        "vertical",
    )


@pytest.mark.parametrize("name", profile.profile_names())
def test_every_built_in_profile_has_the_name_of_its_file(name: str) -> None:
    loaded = profile.load_profile(name)
    assert loaded.name == name
    assert loaded.description


@pytest.mark.parametrize("written", ["off", "'off'"])
def test_quality_is_switched_off_with_and_without_quotes(tmp_path: Path, written: str) -> None:
    text = f"rungs:\n  - {_RUNG}\nquality: {written}\n"
    assert profile.load_profile(_write_profile(tmp_path, text)).quality == "off"


def test_the_default_profile_is_playable_in_every_browser() -> None:
    loaded = profile.load_profile("default")
    assert {(rung.codec, rung.pixel_format) for rung in loaded.rungs} == {("h264", "yuv420p")}
    assert [rung.height for rung in loaded.rungs] == [2160, 1440, 1080, 720, 480, 360]
    assert loaded.package


def test_the_archive_profile_keeps_hdr_in_ten_bits_at_the_size_of_the_source() -> None:
    (rung,) = profile.load_profile("archive").rungs
    assert rung.height == "source"
    assert rung.pixel_format == "yuv420p10le"
    assert profile.load_profile("archive").hdr == "keep"


def test_a_file_needs_only_rungs_and_gives_the_profile_its_name(tmp_path: Path) -> None:
    loaded = profile.load_profile(_write_profile(tmp_path, f"rungs: [{_RUNG}]"))
    assert loaded.name == "mine"
    assert (loaded.gop_s, loaded.segment_s, loaded.hdr) == (2.0, 4.0, "tonemap")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("rungs: []", ["rungs", "at least 1"]),
        ("{}", ["rungs", "required"]),
        ("- 1", ["the file: a mapping"]),
        (f"rungs: [{_RUNG}]\ncolour: red", ["colour", "unknown key"]),
        (f"rungs: [{_RUNG.replace('crf: 22', 'crf: 99')}]", ["rungs[0]", "between 0 and 51", "99"]),
        (f"rungs: [{_RUNG.replace('veryfast', 'warp')}]", ["rungs[0]", "veryfast", "warp"]),
        (f"rungs: [{_RUNG.replace('h264', 'h263')}]", ["rungs[0].codec", "'h264', 'hevc' or 'av1'", "h263"]),
        (f"rungs: [{_RUNG.replace('720', '721')}]", ["rungs[0].height", "multiple of 2"]),
        (f"rungs: [{_RUNG.replace('720', 'tall')}]", ["rungs[0].height", "source"]),
        (f"rungs: [{_RUNG.replace('}', ', pixel_format: yuv420p10le}')}]", ["rungs[0]", "yuv420p"]),
        (f"rungs: [{_RUNG.replace('}', ', encoder: h264_amf}')}]", ["libx264, h264_nvenc", "h264_amf"]),
        (
            f"rungs: [{_RUNG.replace('}', ', encoder: hevc_nvenc}')}]",
            ["of h264 must be one of", "hevc_nvenc"],
        ),
        (f"rungs: [{_RUNG.replace('}', ', encoder: h264_nvenc}')}]", ["of h264_nvenc", "p1, p2", "veryfast"]),
        (
            f"rungs: [{_RUNG.replace('22, preset: veryfast', '0, preset: p5, encoder: h264_nvenc')}]",
            ["crf of h264_nvenc must be between 1 and 51"],
        ),
        (f"rungs: [{_RUNG}, {_RUNG}]", ["differ"]),
        (f"rungs: [{_RUNG}]\ngop_s: 3.0", ["must be a multiple"]),
        (f"rungs: [{_RUNG}]\nhdr: keep", ["10le"]),
        (
            f"rungs: [{_RUNG}]\naudio: {{normalise: {{target_lufs: 3.0}}}}",
            ["audio.normalise.target_lufs", "3.0"],
        ),
        (f"name: ../../etc\nrungs: [{_RUNG}]", ["name", "../../etc"]),
        (f"rungs: [{_RUNG.replace('{', '{name: a..b, ', 1)}]", ["must not contain", "a..b"]),
        ("rungs: [", ["not YAML"]),
        ("!!python/object/apply:os.system [exit]", ["not YAML"]),
        ("a: &a [1]\nb: \x00", ["not YAML"]),
    ],
)
def test_an_error_names_the_file_the_key_and_the_allowed_values(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    path = _write_profile(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        profile.load_profile(path)
    for part in ["mine.yaml", *parts]:
        assert part in caught.value.message
    assert caught.value.remedy


def test_an_error_names_the_line(tmp_path: Path) -> None:
    text = (
        "rungs:\n  - height: 720\n    crf: 23\n    preset: fast\n    maxrate_kbps: 1\n    bufsize_kbps: 400\n"
    )
    path = _write_profile(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        profile.load_profile(path)
    assert caught.value.message.startswith(f"profile {path}:5: rungs[0].maxrate_kbps: ")


def test_the_remedy_for_an_unknown_name_lists_the_profiles() -> None:
    with pytest.raises(UsageError, match="defualt") as caught:
        profile.load_profile("defualt")
    assert "archive, default, fast" in caught.value.remedy


@pytest.mark.parametrize("name", ["missing.yaml", "/", "./missing/mine.yml"])
def test_a_file_that_cannot_be_read_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="profile"):
        profile.load_profile(name)


def test_a_file_larger_than_the_limit_is_not_parsed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="larger"):
        profile.load_profile(_write_profile(tmp_path, "#" * 300_000))


def test_the_digest_depends_on_the_settings_and_not_on_the_name() -> None:
    loaded = profile.load_profile("default")
    assert loaded.digest() == profile.load_profile("default").digest()
    assert loaded.digest() == loaded.model_copy(update={"name": "other", "description": ""}).digest()
    assert loaded.digest() != loaded.model_copy(update={"gop_s": 1.0}).digest()
    assert len({profile.load_profile(name).digest() for name in profile.profile_names()}) == len(
        profile.profile_names()
    )


def test_a_profile_round_trips_through_json() -> None:
    loaded = profile.load_profile("archive")
    assert Profile.model_validate_json(loaded.model_dump_json()) == loaded


def test_the_digest_of_a_profile_without_encoders_is_stable() -> None:
    # Asset keys include the digest: another value would re-encode all assets.
    assert profile.load_profile("default").digest().startswith("9434e03ae91a2d77")
    assert profile.load_profile("archive").digest().startswith("6c9438192f5169bc")
    assert "encoder" not in profile.load_profile("default").model_dump_json()


def test_a_profile_with_smart_settings_has_another_digest_and_round_trips() -> None:
    smart = profile.load_profile("smart")
    assert smart.smart is not None
    assert smart.digest() != smart.model_copy(update={"smart": None}).digest()
    assert Profile.model_validate(smart.model_dump(mode="json")) == smart


def test_the_steps_of_smart_settings_must_be_in_order(tmp_path: Path) -> None:
    text = f"rungs: [{_RUNG}]\nsmart: {{min_step: 3, max_step: 2}}"
    with pytest.raises(UsageError, match="min_step must not be larger than max_step"):
        profile.load_profile(_write_profile(tmp_path, text))


def test_highlights_are_part_of_the_digest_where_they_are_listed() -> None:
    plain = profile.load_profile("default")
    listing = plain.model_copy(update={"highlights": profile.HighlightSettings()})
    assert "highlights" not in plain.model_dump(mode="json")
    assert listing.digest() != plain.digest()
    assert profile.Profile.model_validate(listing.model_dump(mode="json")) == listing


def test_an_encoder_is_part_of_the_digest_and_of_the_json(tmp_path: Path) -> None:
    plain = _RUNG.replace("veryfast", "p5").replace("}", ", encoder: h264_nvenc}")
    loaded = profile.load_profile(_write_profile(tmp_path, f"rungs: [{plain}]"))
    assert loaded.rungs[0].encoder == "h264_nvenc"
    assert loaded.digest() != profile.load_profile(_write_profile(tmp_path, f"rungs: [{_RUNG}]")).digest()
    assert Profile.model_validate_json(loaded.model_dump_json()) == loaded
