"""Positions are removed from telemetry; everything else keeps its bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline import gpmf
from eddyline.gpmf.edit.location import (
    RemovedKeys,
    find_locations,
    find_unknown_keys,
    remove_location,
    remove_settings_location,
)

KEYS = (b"GPS5", b"GPS9", b"GPSU", b"GPSF", b"GPSP", b"GPSA", b"GLPI", b"GPRI", b"BPOS")
ACCL = gpmf.stream("ACCL", "s", [[1, 2, 3]], total=1)
GPS5 = gpmf.stream(
    "GPS5",
    "l",
    [[463318000, 135485000, 398000, 0, 0]],
    total=1,
    modifiers=[gpmf.leaf("GPSU", "U", "250621100000.000"), gpmf.leaf("GPSF", "L", 3)],
)


def payload(*streams: gpmf.Klv) -> bytes:
    return gpmf.serialize([gpmf.device(1, "Camera", streams)])


def hilight(type_: str = "LLLllfFff", *, key: str = "HLMT") -> gpmf.Klv:
    row = (800, 700, 900, 331_267_700, -1_173_273_436, -22.5, b"MANL", 100.0, 90.0)
    return gpmf.stream(key, "?", [row], complex_type=type_, total=1)


def test_a_stream_of_positions_is_removed_with_its_modifiers() -> None:
    assert remove_location(payload(ACCL, GPS5)) == payload(ACCL)


def test_a_payload_without_positions_is_returned_itself() -> None:
    data = payload(ACCL)
    assert remove_location(data) is data


@pytest.mark.parametrize("key", ["GPS9", "GLPI", "GPRI", "BPOS", "GPSX"])
def test_every_kind_of_position_is_removed(key: str) -> None:
    stripped = remove_location(payload(gpmf.stream(key, "l", [[1, 2]]), ACCL))
    assert stripped == payload(ACCL)


def test_position_modifiers_are_removed_from_other_streams_too() -> None:
    mixed = gpmf.stream("ACCL", "s", [[1, 2, 3]], total=1, modifiers=[gpmf.leaf("GPSA", "F", "MSLV")])
    assert remove_location(payload(mixed)) == payload(ACCL)


def test_only_the_position_of_hilights_is_removed() -> None:
    data = payload(hilight())
    removed = RemovedKeys()
    stripped = remove_location(data, removed=removed)
    assert removed.positions == {"HLMT (latitude, longitude, altitude)": 1}
    row = next(gpmf.parse(stripped).find("HLMT")).array("LLLllfFff")[0].tolist()
    assert row == (800, 700, 900, 0, 0, 0.0, b"MANL", 100.0, 90.0)
    assert len(stripped) == len(data)


def test_hilights_with_an_unknown_layout_are_removed() -> None:
    stream = gpmf.stream("HLMT", "?", [(1, 463.0, 135.0)], complex_type="Lff", total=1)
    assert b"HLMT" not in remove_location(payload(ACCL, stream))


def test_a_settings_block_keeps_its_length() -> None:
    block = payload(ACCL, GPS5).ljust(25_600, b"\0")
    stripped = remove_settings_location(block)
    assert len(stripped) == len(block)
    assert stripped.rstrip(b"\0") == payload(ACCL).rstrip(b"\0")


def test_damaged_telemetry_is_rejected_because_it_could_contain_a_position() -> None:
    with pytest.raises(gpmf.GpmfError):
        remove_location(payload(ACCL, GPS5)[:-4])


def test_find_locations_lists_all_positions() -> None:
    assert list(find_locations(payload(ACCL, GPS5))) == [
        "DEVC[0]/STRM[1]/GPSU",
        "DEVC[0]/STRM[1]/GPSF",
        "DEVC[0]/STRM[1]/GPS5",
    ]
    assert list(find_locations(payload(hilight()))) == ["DEVC[0]/STRM[0]/HLMT"]
    assert not list(find_locations(remove_location(payload(ACCL, GPS5, hilight()))))


def test_unknown_keys_are_removed_and_reported() -> None:
    removed = RemovedKeys()
    mixed = gpmf.stream("ACCL", "s", [[1, 2, 3]], total=1, modifiers=[gpmf.leaf("wher", "c", "Bovec")])
    stripped = remove_location(payload(mixed, gpmf.stream("LATL", "d", [[46.3, 13.5]])), removed=removed)
    assert stripped == payload(ACCL)
    assert removed.unknown == {"wher": 1, "LATL": 1}
    assert not list(find_unknown_keys(stripped))
    assert list(find_unknown_keys(payload(mixed))) == ["DEVC[0]/STRM[0]/wher"]


@pytest.mark.parametrize("text", ["+46.3318+013.5485/", "GPS(13.5485,46.3318,19)", "$GPRMC,161313.00,A"])
def test_coordinates_in_the_text_of_known_keys_are_removed(text: str) -> None:
    stream = gpmf.stream("ACCL", "s", [[1, 2, 3]], total=1, modifiers=[gpmf.leaf("RMRK", "c", text)])
    assert remove_location(payload(stream)) == payload(ACCL)


def test_payloads_of_camera_files_keep_every_other_klv(samples: Path) -> None:
    for path in sorted((samples / "gpmf").iterdir()):
        data = path.read_bytes()
        stripped = remove_location(data)
        assert not any(key in stripped for key in KEYS), path.name
        kept = [bytes(node) for node in gpmf.parse(data).find("STRM") if not _is_position(node)]
        assert [bytes(node) for node in gpmf.parse(stripped).find("STRM")] == kept, path.name


def _is_position(stream: gpmf.Klv) -> bool:
    """Whether a stream holds positions or, in one file, third-party data that could contain positions."""
    return stream.children[-1].key.encode() in {*KEYS, b"acc1"}
