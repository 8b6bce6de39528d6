from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.gpmf.format.types import TYPES, expand_type

NAMES = (
    *("hero5.raw", "hero6.raw", "hero6+ble.raw", "hero7.raw", "hero11.raw", "Fusion.raw", "karma.raw"),
    *("mp4header.raw", "consecutive1.raw", "consecutive2.raw", "basement.gpmf", "walking.gpmf", "grass.gpmf"),
)


def raw(key: bytes, char: bytes, size: int, repeat: int, value: bytes) -> bytes:
    return struct.pack(">4scBH", key, char, size, repeat) + value


@pytest.mark.parametrize("name", NAMES)
def test_every_camera_file_is_serialised_to_the_same_bytes(samples: Path, name: str) -> None:
    data = (samples / "gpmf" / name).read_bytes()
    tree = gpmf.parse(data)
    assert bytes(tree) == data
    assert not tree.warnings


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_every_payload_of_a_camera_file_is_serialised_to_the_same_bytes(samples: Path, name: str) -> None:
    telemetry = gpmf.read(samples / name)
    for number in range(len(telemetry.payloads)):
        assert bytes(telemetry.payload(number)) == telemetry.payloads[number]


def test_a_built_tree_is_parsed_again() -> None:
    built = gpmf.nest(
        "DEVC", [gpmf.leaf("DVID", "L", 1), gpmf.nest("STRM", [gpmf.leaf("ABCD", "s", [1, 2, 3])])]
    )
    tree = gpmf.parse(bytes(built))
    assert [path for path, _ in tree.walk()] == [
        "DEVC[0]",
        "DEVC[0]/DVID",
        "DEVC[0]/STRM[0]",
        "DEVC[0]/STRM[0]/ABCD",
    ]
    assert next(tree.find("ABCD")).array().tolist() == [[1], [2], [3]]
    assert bytes(tree) == bytes(built)


def test_the_length_of_a_value_excludes_its_padding() -> None:
    data = bytes(gpmf.leaf("STNM", "c", "abcde"))
    assert data == raw(b"STNM", b"c", 1, 5, b"abcde\0\0\0")
    assert next(iter(gpmf.parse(data))).text == "abcde"


def test_padding_that_is_not_zero_is_kept() -> None:
    data = raw(b"STNM", b"c", 1, 5, b"abcdeXYZ")
    assert bytes(gpmf.parse(data)) == data


def test_zero_words_between_and_after_keys_are_kept() -> None:
    inner = bytes(8) + raw(b"abcd", b"B", 1, 1, b"\x01\0\0\0") + bytes(12)
    data = raw(b"DEVC", b"\0", 1, len(inner), inner) + bytes(64)
    tree = gpmf.parse(data)
    assert bytes(tree) == data
    assert [node.key for _, node in tree.walk()] == ["DEVC", "abcd"]


def test_unknown_keys_and_types_are_kept() -> None:
    data = raw(b"acc1", b"~", 3, 2, b"sixxes\0\0") + raw(b"\xa9xyz", b"b", 1, 1, b"\x01\0\0\0")
    tree = gpmf.parse(data)
    assert [node.key for node in tree] == ["acc1", "©xyz"]
    assert bytes(tree) == data


def test_text_without_a_terminator_ends_with_its_value() -> None:
    inner = raw(b"DVNM", b"c", 1, 12, b"HERO13 Black") + raw(b"STRM", b"\0", 1, 0, b"")
    name = gpmf.parse(raw(b"DEVC", b"\0", 1, len(inner), inner)).nodes[0].child("DVNM")
    assert name is not None
    assert name.text == "HERO13 Black"


def test_text_is_latin_1() -> None:
    node = next(iter(gpmf.parse(bytes(gpmf.leaf("UNIT", "c", ["m/s²", "µT", "°"])))))
    assert node.texts == ("m/s²", "µT", "°")
    assert node.size == 4


@pytest.mark.parametrize(
    ("char", "value"),
    [
        *(("b", -5), ("B", 250), ("d", 1.5), ("f", -0.25), ("j", -(1 << 60)), ("J", 1 << 63), ("l", -70000)),
        *(("L", 1 << 31), ("s", -300), ("S", 65000)),
    ],
)
def test_every_number_type_is_read_back(char: str, value: float) -> None:
    node = next(iter(gpmf.parse(bytes(gpmf.leaf("TEST", char, [[value, value]])))))
    assert node.array().tolist() == [[value, value]]
    assert (node.size, node.repeat) == (2 * TYPES[char].size, 1)


@pytest.mark.parametrize(("char", "value"), [("q", -1.5), ("Q", 2.25)])
def test_fixed_point_is_stored_in_fractions(char: str, value: float) -> None:
    node = next(iter(gpmf.parse(bytes(gpmf.leaf("TEST", char, value)))))
    assert node.array().item() / TYPES[char].divisor == value


@pytest.mark.parametrize(
    ("char", "value", "size"),
    [("F", "MSLV", 4), ("U", "170417173103.000", 16), ("G", bytes(range(16)), 16), ("c", "Ä", 1)],
)
def test_every_text_type_is_read_back(char: str, value: str | bytes, size: int) -> None:
    node = next(iter(gpmf.parse(bytes(gpmf.leaf("TEST", char, value)))))
    assert node.data == (value if isinstance(value, bytes) else value.encode("latin-1"))
    assert (node.size, node.repeat) == (size, 1)


def test_a_complex_value_is_read_as_records() -> None:
    node = gpmf.leaf("SCEN", "?", [("SNOW", 0.5), ("URBA", 0.25)], complex_type="Ff")
    assert node.size == 8
    rows = gpmf.parse(bytes(node)).nodes[0].array("Ff")
    assert rows["0"].tolist() == [b"SNOW", b"URBA"]
    assert rows["1"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("lllllllSS", "lllllllSS"),
        ("f[8]", "ffffffff"),
        ("Lf[3]F", "LfffF"),
        ("BB\0", "BB"),
        *(
            (bad, None)
            for bad in (
                "",
                "\0",
                "f[0]",
                "f[]",
                "[3]",
                "f[-1]",
                "f[9999]",
                "x",
                "f[3",
                "f[٣]",
                "?",
                "f[255]f",
            )
        ),
    ],
)
def test_arrays_in_a_type_are_expanded(text: str, elements: str | None) -> None:
    assert expand_type(text) == elements


def test_a_structure_longer_than_its_type_keeps_its_known_part() -> None:
    node = next(iter(gpmf.parse(raw(b"FACE", b"?", 8, 2, b"\0\0\0\x01rest\0\0\0\x02more"))))
    assert node.array("L")["0"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "path", "offset", "message"),
    [
        (
            raw(b"DEVC", b"\0", 1, 16, raw(b"ACCL", b"s", 6, 9, bytes(8))),
            "DEVC[0]/ACCL",
            8,
            "after its parent",
        ),
        (raw(b"DEVC", b"\0", 1, 99, b""), "DEVC[0]", 0, "after its parent"),
        (raw(b"DEVC", b"\0", 1, 4, b"AB\0C"), "DEVC[0]", 8, "but a KLV has at least 8"),
        (raw(b"DEVC", b"\0", 1, 8, b"\x01\x02\x03\x04abcd"), "DEVC[0]", 8, "is not a valid key"),
        (b"DEV", "", 0, "but a KLV has at least 8"),
        (
            raw(b"AAAA", b"B", 1, 1, bytes(4)) + raw(b"AAAA", b"B", 9, 9, b""),
            "AAAA[1]",
            12,
            "after its parent",
        ),
    ],
)
def test_an_impossible_length_is_reported_with_path_and_offset(
    data: bytes, path: str, offset: int, message: str
) -> None:
    with pytest.raises(gpmf.GpmfError, match=message) as caught:
        gpmf.parse(data)
    assert (caught.value.path, caught.value.offset) == (path, offset)
    lenient = gpmf.parse(data, lenient=True)
    assert bytes(lenient) == data
    assert [(warning.path, warning.offset) for warning in lenient.warnings] == [(path, offset)]


def test_a_lenient_reader_keeps_the_klvs_before_and_after() -> None:
    bad = raw(b"DEVC", b"\0", 1, 16, raw(b"ACCL", b"s", 6, 9, bytes(8)))
    good = bytes(gpmf.leaf("STNM", "c", "name"))
    tree = gpmf.parse(good + bad + good, lenient=True)
    assert [node.text for node in tree.find("STNM")] == ["name", "name"]


def test_deep_nesting_is_rejected() -> None:
    data = b""
    for _ in range(4000):
        data = raw(b"NEST", b"\0", 4, len(data) // 4, data)
    with pytest.raises(gpmf.GpmfError, match="nested more than 16 deep"):
        gpmf.parse(data)
    assert bytes(gpmf.parse(data, lenient=True)) == data


def test_too_many_keys_are_rejected() -> None:
    with pytest.raises(gpmf.GpmfError, match="more than 10 KLVs"):
        gpmf.parse(raw(b"ABCD", b"B", 1, 0, b"") * 11, limits=gpmf.Limits(nodes=10))


def test_offset_and_path_of_the_caller_are_the_base_of_an_errors_position() -> None:
    with pytest.raises(gpmf.GpmfError) as caught:
        gpmf.parse(b"ABCDs\x02\0\x09", offset=1000, path="payload[7]")
    assert str(caught.value).startswith("payload[7]/ABCD at byte 1000: ")


@pytest.mark.parametrize(
    ("key", "char", "values"),
    [
        *(("toolong", "B", 1), ("AB", "B", 1), ("A\0CD", "B", 1), ("GOOD", "B", 256), ("GOOD", "b", -129)),
        *(
            ("GOOD", "z", 1),
            ("GOOD", "B", list(range(200)) * 400),
            ("GOOD", "d", [[0.0] * 32]),
            ("GOOD", "F", "FIVE5"),
        ),
        ("GOOD", "c", "日本"),
    ],
)
def test_values_that_the_format_cannot_represent_are_rejected(key: str, char: str, values: object) -> None:
    with pytest.raises(gpmf.GpmfError):
        gpmf.leaf(key, char, values)


def test_a_nest_longer_than_65535_bytes_has_wider_structures() -> None:
    leaves = [gpmf.leaf("DATA", "d", np.zeros((4000, 4)))]
    data = bytes(gpmf.nest("DEVC", leaves))
    assert data[5] > 1
    assert gpmf.parse(data).nodes[0].children[0].repeat == 4000
