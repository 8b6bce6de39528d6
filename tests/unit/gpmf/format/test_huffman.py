"""Compressed samples (type '#'): output of GoPro's own encoder, round trips, and invalid codes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gpmf.format.huffman_encoder import compressed, recompressed

from eddyline import gpmf
from eddyline.gpmf import export
from eddyline.gpmf.edit.chapters import Chapter, merge_chapters
from eddyline.gpmf.edit.location import remove_location
from eddyline.gpmf.edit.window import cut_telemetry
from eddyline.gpmf.errors import GpmfError
from eddyline.gpmf.format.huffman import OutputLimit

PayloadBuilder = Callable[..., bytes]
N = np.arange

# The output of GPMFCompress of GoPro's gpmf-write for these samples.
VECTORS = {
    "s": (
        (
            "4143434c23020068730600f00005ffe200000001ff7fe024924924924924924924924924924938f140000001fc3e7e1f"
            "3f0f9f87cfc3e7e1f3f0f9f87cfc3e7e1f3f0f9c78a000019332664cc999332664cc999332664cc999332664cc999332"
            "664cce3c48acfe3c475309332664cc999332664cc999332664cc999332664cc999332664cce3c48acfe3c47530933266"
            "4cc999332664cc999332664cc999332664cc999332664cce3c48acfe3c475309332664cc999332664cc999332664cc99"
            "9332664cc999332664cce3c48acfe3c50000000000000000"
        ),
        np.stack(
            [
                np.where(N(240) < 200, 5, N(240) - 194),
                N(240) // 20 * 7 - 30,
                np.where(N(240) % 60 == 59, -30000, N(240) % 3),
            ],
            1,
        ),
    ),
    "S": (
        (
            "4143434c230200245304000cfffa00000001926f24de49c78a000001e3c40190e3c404b0e3c407d0e3c40af0e3c40e10"
            "e3c41130e3c41450e3c41770e3c41a90e3c41db0e3c420d0e3c5000000000000"
        ),
        np.stack([65530 + N(12) % 4, N(12) ** 2 * 400], 1),
    ),
    "l": (
        (
            "4143434c2302007a6c1400121c03a180b71387eb0007a12000002710000000000001e3c50001e3c40089e3c40089e3c4"
            "0089e3c40089e3c40089e3c40089e3c40089e3c40089e3c40089e3c40089e3c40089e3c40089e3c40089e3c40089e3c4"
            "0089e3c40089e3c40089e3c50001e3c50001e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4"
            "fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c4fc71e3c50001e3c50001924e"
            "e493b924ee4e3c500001e3c50001e3c50001e3c50001db6db6db6db6db6db6db6db6db8f140000000000000000000000"
            "000000000000000000000000"
        ),
        np.stack(
            [
                470000000 + N(18) * 137,
                -1223456789 - N(18) * 911,
                500000 + N(18) % 5,
                np.full(18, 10000),
                3 * N(18),
            ],
            1,
        ),
    ),
    "B": (
        (
            "4143434c230100384202001e00ff0100db6db6db6f576db6db6dbd5db6db6db6f576db6db6dbd5db8f140100b6db6db6"
            "db6db6db6db6dbc78a00000000000000"
        ),
        np.stack([N(30) % 7 * 3, 255 - N(30)], 1),
    ),
    "b": (
        (
            "4143434c2301003062020014f68001009249249249249271e2800100e472391c8e472391c8e472391c8e472391c8e472"
            "391c78a000000000"
        ),
        np.stack([N(20) - 10, N(20) * 13 - 128], 1),
    ),
}
# Compressed by GoPro's encoder with a quantizer of 8: multiples of 8 from the first sample.
QUANTIZED = (
    "4759524f2302002473040028ffecfffb0008d1a73ae4d7f6ef8d0daeb9b6fb6fbbe5dda73b74df7f9dddfef1e280000889356383"
    "adf77ddfeb6ebb6d9dd65c689b268d2f9d5fbc78a000000000000000"
)


def parse_single(data: bytes) -> gpmf.Klv:
    (node,) = gpmf.parse(data).nodes
    return node


@pytest.mark.parametrize("char", VECTORS)
def test_the_output_of_gopros_encoder_is_read(char: str) -> None:
    stored, samples = VECTORS[char]
    node = gpmf.decompress(parse_single(bytes.fromhex(stored)))
    assert (node.type, node.repeat) == (char, len(samples))
    assert node.array().tolist() == samples.tolist()
    assert bytes(node) == bytes(gpmf.leaf("ACCL", char, samples))


def test_quantized_samples_differ_from_the_first_by_multiples_of_the_quantizer() -> None:
    rows = gpmf.decompress(parse_single(bytes.fromhex(QUANTIZED))).array()
    assert rows.shape == (40, 2)
    assert rows[:4].tolist() == [[-20, -5], [20, 3], [-20, 3], [-36, 11]]
    assert rows[-1].tolist() == [-284, 115]
    assert ((rows - rows[0]) % 8 == 0).all()


def test_the_test_encoder_writes_the_same_codes_as_gopros() -> None:
    for char, (stored, samples) in VECTORS.items():
        encoded = bytes(compressed(gpmf.leaf("ACCL", char, samples)))
        expected = bytes.fromhex(stored)
        assert expected[8:].startswith(encoded[8:].rstrip(b"\0"))


def test_zeros_before_a_difference_repeat_the_previous_value() -> None:
    """GoPro's GPMF_Decompress assigns the following value instead."""
    samples = [[0], [0], [1], [1], [1], [3], [3]]
    assert gpmf.decompress(compressed(gpmf.leaf("ACCL", "s", samples))).array().tolist() == samples


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[list[int]]]:
    char = draw(st.sampled_from("bBsSlL"))
    limits = np.iinfo({"b": "i1", "B": "u1", "s": "i2", "S": "u2", "l": "i4", "L": "u4"}[char])
    columns = draw(st.integers(1, 5))
    numbers = st.one_of(st.integers(int(limits.min), int(limits.max)), st.integers(0, 40))
    rows: list[list[int]] = []
    for row in draw(st.lists(st.lists(numbers, min_size=columns, max_size=columns), min_size=1, max_size=30)):
        rows += [row] * draw(st.sampled_from([1, 1, 1, 2, 17, 200]))
    return char, rows


@given(tables())
@settings(max_examples=150, deadline=None)
def test_any_samples_round_trip(drawn: tuple[str, Sequence[Sequence[int]]]) -> None:
    char, rows = drawn
    node = gpmf.leaf("XYZW", char, rows)
    assert bytes(gpmf.decompress(compressed(node))) == bytes(node)


def klv(data: bytes) -> gpmf.Klv:
    return gpmf.Klv(key="ACCL", type="#", size=1, repeat=len(data), data=data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"s\x06\0",
        b"s\x06\0\x05",  # nothing after the shape
        b"?\x06\0\x05" + bytes(40),  # types that no encoder compresses
        b"f\x08\0\x05" + bytes(40),
        b"s\x00\0\x05" + bytes(40),
        b"s\x05\0\x05" + bytes(40),  # half a number
        b"#\x02\0\x05" + bytes(40),
        b"s\x02\0\x05" + bytes(40),  # more samples than announced
        b"s\x02\xff\xff" + bytes(40),  # no END
        b"s\x02\0\x05\0\0\0\x01" + b"\xff" * 30,  # no code
        b"s\x02\0\x05\0\0\0\x01" + b"\xe3\xc4",  # nothing after ESC
        b"s\x02\0\x05\0\0\0\x01" + b"\xe3\xc5"[:1],
        b"s\xfe\xff\xff" + bytes(40),
    ],
)
def test_invalid_codes_are_rejected(data: bytes) -> None:
    with pytest.raises(GpmfError):
        gpmf.decompress(klv(data))


def test_the_output_of_few_bytes_is_limited() -> None:
    constant = compressed(gpmf.leaf("ACCL", "s", np.zeros((65535, 3), np.int64)))
    assert len(gpmf.decompress(constant).data) == 65535 * 6
    limit = OutputLimit(0, least=2 * 65535 * 6)
    for _ in range(2):
        gpmf.decompress(constant, output_limit=limit)
    with pytest.raises(GpmfError, match="more bytes than any camera"):
        gpmf.decompress(constant, output_limit=limit)


def recording(count: int = 6) -> bytes:
    """Returns `count` payloads with a second of motion, positions and exposure each."""
    blocks = []
    generator = np.random.default_rng(2)
    for number in range(count):
        motion = np.cumsum(generator.integers(-20, 20, (200, 3)), axis=0)
        positions = [
            [470_000_000 + 90 * (18 * number + i), 80_000_000 - 70 * i, 5000 + i, 9, 8] for i in range(18)
        ]
        modifiers = [
            gpmf.leaf("GPSF", "L", 3),
            gpmf.leaf("GPSU", "U", f"2405011200{number:02}.000"),
            gpmf.leaf("GPSP", "S", 150),
        ]
        streams = [
            gpmf.stream("ACCL", "s", motion, scale=[417], total=200 * (number + 1), stamp=1_001_000 * number),
            gpmf.stream(
                "GPS5",
                "l",
                positions,
                scale=[1e7, 1e7, 1000, 1000, 100],
                total=18 * (number + 1),
                modifiers=modifiers,
            ),
            gpmf.stream("SHUT", "f", [0.01] * 30, total=30 * (number + 1), stamp=1_001_000 * number),
        ]
        blocks.append(gpmf.serialize([gpmf.device(1, "HERO8 Black", streams)]))
    return b"".join(blocks)


@pytest.fixture
def recordings() -> tuple[gpmf.Telemetry, gpmf.Telemetry]:
    """The same recording, plain and compressed."""
    plain = gpmf.read_payloads(recording())
    blocks = [recompressed(plain.payloads[at], {"ACCL", "GPS5"}) for at in range(len(plain.payloads))]
    assert sum(map(len, blocks)) < len(plain.payloads.data)
    return plain, gpmf.read_payloads(b"".join(blocks))


def test_compressed_streams_are_read_like_any_other(
    recordings: tuple[gpmf.Telemetry, gpmf.Telemetry],
) -> None:
    plain, packed = recordings
    assert not packed.warnings
    assert packed.summary() == plain.summary()
    assert packed.payloads.data == plain.payloads.data
    assert packed.source.payloads.data != plain.payloads.data
    for label, stream in plain.streams.items():
        assert packed.streams[label].values.tolist() == stream.values.tolist()
        assert packed.streams[label].times.tolist() == stream.times.tolist()


@pytest.mark.parametrize("kind", ["json", "gpx", "geojson", "kml", "fit", "svg"])
def test_compressed_streams_are_exported_like_any_other(
    recordings: tuple[gpmf.Telemetry, gpmf.Telemetry], kind: str
) -> None:
    outputs = []
    for telemetry in recordings:
        out = io.BytesIO()
        export.write(telemetry, out, kind)
        outputs.append(out.getvalue())
    assert outputs[0] == outputs[1]
    if kind == "json":
        assert len(json.loads(outputs[1])["streams"]["ACCL"]["samples"]["t"]) == 1200


def test_a_cut_has_the_samples_of_the_uncompressed_recording(
    recordings: tuple[gpmf.Telemetry, gpmf.Telemetry],
) -> None:
    plain, packed = (cut_telemetry(each, 1.3, 4.6) for each in recordings)
    assert packed == plain or (packed.payloads == plain.payloads and packed.kept == plain.kept)


def test_compressed_positions_are_removed(
    recordings: tuple[gpmf.Telemetry, gpmf.Telemetry],
) -> None:
    plain, packed = recordings
    remaining = remove_location(packed.source.payloads[0])
    found = gpmf.read_payloads(remaining)
    assert set(found.streams) == {"ACCL", "SHUT"}
    assert found.streams["ACCL"].raw.tolist() == plain.streams["ACCL"].raw[:200].tolist()


def test_compressed_chapters_have_continuous_counts(
    recordings: tuple[gpmf.Telemetry, gpmf.Telemetry],
) -> None:
    plain, packed = recordings
    length = float(plain.payloads.end_s[-1])
    joined = [
        b"".join(merge_chapters([Chapter(payloads=each, start_s=length * n) for n in range(3)]))
        for each in (plain.payloads, packed.source.payloads)
    ]
    one, other = (gpmf.read_payloads(data) for data in joined)
    assert other.payloads.data == one.payloads.data
    assert other.streams["ACCL"].numbers("TSMP")[-1] == 3 * 1200


def test_a_lenient_reader_keeps_the_valid_streams(recordings: tuple[gpmf.Telemetry, gpmf.Telemetry]) -> None:
    plain, packed = recordings
    data = bytearray(packed.source.payloads.data)
    at = data.index(b"ACCL#", len(packed.source.payloads[0])) + 8 + 4 + 6 + 2
    data[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(GpmfError, match="compressed samples"):
        gpmf.read_payloads(bytes(data))
    found = gpmf.read_payloads(bytes(data), lenient=True)
    assert any("compressed samples" in str(warning) for warning in found.warnings)
    assert len(found.streams["ACCL"]) == 1000
    assert found.streams["GPS5"].raw.tolist() == plain.streams["GPS5"].raw.tolist()
