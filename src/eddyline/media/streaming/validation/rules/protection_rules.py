"""Rules of encrypted streams: the method in HLS, ContentProtection in the MPD, the scheme in the segments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eddyline.media.streaming.mpd_tree import NAMESPACE
from eddyline.media.streaming.validation.measure import track_name
from eddyline.media.streaming.validation.mpd_model import AdaptationSet, Mpd, Representation
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.mpd_rules import at, mpd_of
from eddyline.media.streaming.validation.stream_model import SampleEntry, Stream

_KEY_TAGS = ("#EXT-X-KEY", "#EXT-X-SESSION-KEY")
_COMMON = "urn:mpeg:dash:mp4protection:2011"  # the scheme of the descriptor (ISO/IEC 23009-1 section 5.8.5.2)
_KEY_ID = "{urn:mpeg:cenc:2013}default_KID"
_KEY_ID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_SCHEMES = frozenset({"cenc", "cbcs"})


def _method(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.playlists:
        for tag in (tag for name in _KEY_TAGS for tag in playlist.all(name)):
            if tag.attributes.get("METHOD") == "SAMPLE-AES-CTR":
                yield Violation(
                    file=playlist.name, place=tag.place, actual="METHOD=SAMPLE-AES-CTR", required="SAMPLE-AES"
                )


def _cbcs(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        track = stream.tracks.get(playlist.name)
        if track is None or "SAMPLE-AES" not in {entry.method for entry in playlist.entries}:
            continue
        for entry in track.entries:
            if entry.scheme and entry.scheme != "cbcs":
                yield Violation(
                    file=playlist.name, place="#EXT-X-MAP", actual=f"scheme {entry.scheme}", required="cbcs"
                )


def _descriptor(each: AdaptationSet) -> tuple[str, tuple[str, ...]] | None:
    """The scheme and key ids (hex) of the set's descriptor of Common Encryption; None if it has none."""
    for found in each.element.findall(f"{NAMESPACE}ContentProtection"):
        if (found.get("schemeIdUri") or "").lower() == _COMMON:
            texts = (found.get(_KEY_ID) or "").split()
            valid = [text for text in texts if _KEY_ID_FORM.fullmatch(text)]
            ids = tuple(text.replace("-", "").lower() for text in valid)
            return found.get("value") or "", ids if len(valid) == len(texts) else ()
    return None


def _protected(mpd: Mpd, each: AdaptationSet, stream: Stream) -> bool:
    """Whether the set has any ContentProtection, also in a representation, or an encrypted track."""
    return next(each.element.iter(f"{NAMESPACE}ContentProtection"), None) is not None or any(
        entry.encrypted for _, entry in _entries(mpd, each, stream)
    )


def _entries(mpd: Mpd, each: AdaptationSet, stream: Stream) -> Iterator[tuple[Representation, SampleEntry]]:
    for representation in each.representations:
        track = stream.tracks.get(track_name(mpd, representation))
        for entry in track.entries if track else ():
            yield representation, entry


def _signalled(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in mpd.sets:
            place = f"{each.place}/ContentProtection"
            found = _descriptor(each)
            if found is None and _protected(mpd, each, stream):
                yield at(mpd, place, "missing", f'schemeIdUri="{_COMMON}"')
            if found is None:
                continue
            scheme, key_ids = found
            if scheme not in _SCHEMES:
                yield at(mpd, f"{place}@value", scheme or "missing", "cenc or cbcs")
            if not key_ids:
                yield at(mpd, f"{place}@cenc:default_KID", "missing or invalid", "a key id, as a UUID")


def _agrees(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for each in mpd.sets:
            scheme, key_ids = _descriptor(each) or ("", ())
            place = f"{each.place}/ContentProtection"
            for representation, entry in _entries(mpd, each, stream):
                what = f" (in {representation.element.get('id', '')})"
                if entry.key_id and key_ids and entry.key_id not in key_ids:
                    actual, required = ", ".join(key_ids), f"{entry.key_id}, as in tenc{what}"
                    yield at(mpd, f"{place}@cenc:default_KID", actual, required)
                if entry.scheme and scheme in _SCHEMES and entry.scheme != scheme:
                    yield at(mpd, f"{place}@value", scheme, f"{entry.scheme}, as in schm{what}")


RULES: tuple[Rule, ...] = (
    should(
        "APPLE-13.11",
        "Encrypted samples have METHOD=SAMPLE-AES (cbcs): Apple devices do not decrypt SAMPLE-AES-CTR.",
        "encrypt with the scheme cbcs",
        _method,
    ),
    must(
        "RFC8216-4.3.2.4:cbcs",
        "With METHOD=SAMPLE-AES, samples of fragmented MP4 are encrypted with the scheme cbcs.",
        "encrypt with the scheme cbcs",
        _cbcs,
    ),
    must(
        "SECURITY-9.1",
        "An encrypted adaptation set has a ContentProtection of the scheme urn:mpeg:dash:mp4protection:2011"
        " with the value cenc or cbcs and a cenc:default_KID.",
        "add the descriptor to the adaptation set",
        _signalled,
    ),
    must(
        "SECURITY-9.1:default_KID",
        "The key id and the scheme of ContentProtection are those of the initialization segments.",
        "write the key id of tenc, in the order of its bytes, and the scheme of schm",
        _agrees,
    ),
)
