from __future__ import annotations

import pytest

from eddyline.core.errors import UnsupportedError
from eddyline.media.source.dolby_vision import left_out_enhancement, parse_stream, require_base_layer
from eddyline.mp4.boxes import make_box
from eddyline.mp4.entries.dolby_vision import DolbyVision, read_dolby_vision


def _stsd(entry: str, *inner: bytes) -> bytes:
    return make_box("stsd", b"\0\0\0\0\0\0\0\1", make_box(entry, bytes(78), *inner))


def _configuration(kind: str, profile: int, compatibility: int, *, base: bool = True) -> bytes:
    fields = bytes([1, 0, profile << 1, 4 << 3 | 4 | base, compatibility << 4])
    return make_box(kind, fields, bytes(19))


@pytest.mark.parametrize(
    ("entry", "inner", "reason"),
    [
        ("hvc1", [_configuration("dvcC", 5, 0)], "dolby-vision-profile-5"),
        ("dvh1", [_configuration("dvcC", 5, 0)], "dolby-vision-profile-5"),
        ("dvhe", [], "dolby-vision-profile-5"),
        ("av01", [_configuration("dvvC", 10, 0)], "dolby-vision"),
        ("hvc1", [make_box("hvcC", bytes(23)), _configuration("dvwC", 20, 0)], "dolby-vision"),
        ("hvc1", [_configuration("dvvC", 8, 1)], ""),
        ("hvc1", [_configuration("dvvC", 8, 4)], ""),
        ("dvh1", [_configuration("dvcC", 7, 6)], ""),
        ("hvc1", [_configuration("dvcC", 4, 0)], ""),
        ("avc1", [_configuration("dvvC", 9, 2)], ""),
        ("av01", [_configuration("dvvC", 10, 4)], ""),
    ],
)
def test_only_a_base_layer_that_other_decoders_show_is_processed(
    entry: str, inner: list[bytes], reason: str
) -> None:
    found = read_dolby_vision(_stsd(entry, *inner))
    assert found is not None
    if not reason:
        require_base_layer(found)
        return
    with pytest.raises(UnsupportedError, match="Dolby Vision profile") as caught:
        require_base_layer(found)
    assert caught.value.reason == reason


def test_omitted_metadata_is_listed() -> None:
    found = read_dolby_vision(_stsd("hvc1", _configuration("dvvC", 8, 4)))
    (listed,) = left_out_enhancement(found)
    assert (listed.kind, listed.what) == ("metadata", "Dolby Vision profile 8.4 enhancement metadata")


def test_other_video_has_no_configuration() -> None:
    assert read_dolby_vision(_stsd("hvc1", make_box("hvcC", bytes(23)))) is None
    assert read_dolby_vision(_stsd("hvc1", b"\0\0\0\4free")) is None
    assert read_dolby_vision(make_box("stsd", bytes(8))) is None
    assert left_out_enhancement(None) == ()
    require_base_layer(None)


def test_an_enhancement_layer_is_recognized() -> None:
    found = read_dolby_vision(_stsd("dvh1", _configuration("dvcC", 7, 6, base=False)))
    assert found == DolbyVision(profile=7, compatibility=6, base_layer=False)


def test_the_configuration_in_ffprobes_side_data_is_parsed() -> None:
    record = {
        "side_data_type": "DOVI configuration record",
        "dv_profile": 5,
        "bl_present_flag": 1,
        "dv_bl_signal_compatibility_id": 0,
    }
    assert parse_stream({"side_data_list": [{"side_data_type": "x"}, record]}) == DolbyVision(profile=5)
    assert parse_stream({"codec_name": "hevc"}) is None
