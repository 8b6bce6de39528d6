"""A location inserted anywhere into a valid file is removed from the copy, or the file is rejected."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.edit.located_files import (
    CONTAINERS,
    FORMS,
    add_track,
    append_to_box,
    box,
    boxes,
    enclosing,
    insert_bytes,
)

from eddyline.core.errors import EddylineError, InputError, ProofError, UnsupportedError
from eddyline.edit.strip_location.strip import strip_location
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

# Known box types, box types defined for a location, and arbitrary ones.
KNOWN = (
    "free skip wide uuid meta udta ilst keys hdlr name kind trak mdia minf stbl stsd edts elst tref dinf"
    " dref gmhd gmin tmcd text gpmd tapt clef prof enof pasp clap colr btrt fiel gama mdcv clli st3d sv3d"
    " avcC esds wave chan alac sgpd sbgp sdtp cslg stps subs saiz saio senc iods mvex trex mehd moof traf"
    " mdat moov ftyp styp sidx emsg FIRM LENS CAME SETT MUID GUMI HMMT GPMF chpl AMBA BCID covr XMP_ loci"
    " GPS0 thmb inst camm"
)
KINDS = st.one_of(
    st.sampled_from([each.encode() for each in KNOWN.split()]),
    st.sampled_from(
        [b"gps ", b"\xa9xyz", b"\xa9nam", b"\xa9too", b"\xa9mod", b"\xa9day", b"url ", b"\0\0\0\0"]
    ),
    st.binary(min_size=4, max_size=4),
)
PAYLOADS = st.builds(
    lambda before, form, after: (before + form + after, form),
    st.one_of(st.just(b""), st.just(bytes(4)), st.just(bytes(8)), st.binary(max_size=24)),
    st.sampled_from(FORMS),
    st.one_of(st.just(b""), st.binary(max_size=24)),
)
METHODS = ("inside", "top_level_boxes", "grown", "between", "trailer", "track")


@dataclass(frozen=True)
class Hidden:
    """A file that contains a location, and the bytes that must not be in the copy."""

    data: bytes
    secret: bytes


def hide(data: bytes, chunks: list[int], draw: st.DataObject) -> Hidden:
    payload, secret = draw.draw(PAYLOADS)
    method = draw.draw(st.sampled_from(METHODS))
    if method == "track":
        handler = draw.draw(st.sampled_from([b"meta", b"text", b"sbtl", b"data", b"priv", b"hint", b"vend"]))
        changed = add_track(data, handler, draw.draw(KINDS), payload)
    elif method == "trailer":
        changed = data + payload
    elif method == "top_level_boxes":
        ends = [each.end for each in boxes(data) if len(each.path) == 1]
        changed = insert_bytes(data, draw.draw(st.sampled_from(ends)), box(draw.draw(KINDS), payload))
    elif method == "between":
        mdat = next(each for each in boxes(data) if each.path == (b"mdat",))
        changed = insert_bytes(data, draw.draw(st.sampled_from(chunks)), payload, within=(mdat,))
    elif method == "grown":
        leaves = [each for each in boxes(data) if each.path[-1] not in CONTAINERS and each.path[0] == b"moov"]
        changed = append_to_box(data, draw.draw(st.sampled_from(leaves)).path, payload)
    else:
        changed = hide_inside(data, box(draw.draw(KINDS), payload), draw)
    return Hidden(changed, secret)


def hide_inside(data: bytes, extra: bytes, draw: st.DataObject) -> bytes:
    """Inserts a box at the start or the end of a container."""
    containers = CONTAINERS | {b"ilst", b"avc1", b"mp4a", b"stsd"}
    parent = draw.draw(st.sampled_from([each for each in boxes(data) if each.path[-1] in containers]))
    first = parent.path[-1] in CONTAINERS and draw.draw(st.booleans())
    return insert_bytes(data, parent.body if first else parent.end, extra, within=enclosing(data, parent))


@given(draw=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_location_inserted_anywhere_is_removed_or_the_file_is_rejected(
    plain: Path, draw: st.DataObject
) -> None:
    with FileRanges(plain) as src:
        movie = read_movie(src)
        chunks = movie.tracks[0].samples.offset.tolist()
    hidden = hide(plain.read_bytes(), chunks, draw)
    with tempfile.TemporaryDirectory() as directory:
        source, out = Path(directory) / "in.mp4", Path(directory) / "out.mp4"
        source.write_bytes(hidden.data)
        try:
            result = strip_location(source, out)
        except (UnsupportedError, InputError):
            return
        assert hidden.secret not in out.read_bytes()
        assert result.removed
        with FileRanges(out) as src:
            copy = read_movie(src)
        assert [len(track.samples) for track in copy.tracks] == [len(track.samples) for track in movie.tracks]


@given(draw=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_damaged_index_is_copied_or_raises_an_eddyline_error(plain: Path, draw: st.DataObject) -> None:
    data = bytearray(plain.read_bytes())
    moov = next(each for each in boxes(bytes(data)) if each.path == (b"moov",))
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(moov.body, moov.end - 4))
        damage = draw.draw(
            st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([bytes(4), b"\xff" * 4]))
        )
        data[at : at + len(damage)] = damage
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "in.mp4"
        source.write_bytes(data)
        with suppress(EddylineError):
            strip_location(source, Path(directory) / "out.mp4")


@pytest.mark.parametrize("secret", FORMS[:2])
def test_a_location_inside_audio_samples_is_detected(plain: Path, tmp_path: Path, secret: bytes) -> None:
    with FileRanges(plain) as src:
        audio = read_movie(src).tracks_of_kind("audio")[0]
    longest = int(audio.samples.size.argmax())
    at, size = int(audio.samples.offset[longest]), int(audio.samples.size[longest])
    assert size > len(secret)
    data = bytearray(plain.read_bytes())
    data[at + size - len(secret) : at + size] = secret
    source = tmp_path / "in.mp4"
    source.write_bytes(data)
    with pytest.raises(ProofError, match="media of the copy contains"):
        strip_location(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
