"""Rules of EXT-X-MEDIA: audio, subtitles, closed captions, and their groups (RFC 8216 section 4.3.4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eddyline.media.streaming.validation.hls_model import Reference
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.multivariant_rules import at
from eddyline.media.streaming.validation.stream_model import Stream

_TYPES = frozenset({"AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"})
# RFC 5646 section 2.1, without extensions and private use
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}", re.ASCII)
_INSTREAM = re.compile(r"CC[1-4]|SERVICE(?:[1-9]|[1-5]\d|6[0-3])", re.ASCII)
_STEREO = 2
# Attributes in which corresponding members of groups may differ (section 4.3.4.1.1).
_FREE = frozenset({"URI", "CHANNELS", "GROUP-ID", "BIT-DEPTH", "SAMPLE-RATE", "STABLE-RENDITION-ID"})


def _all(stream: Stream) -> tuple[Reference, ...]:
    return stream.master.renditions if stream.master else ()


def channels(rendition: Reference) -> int:
    """The number of channels by CHANNELS; 0 if it is missing or invalid."""
    text = rendition.get("CHANNELS").partition("/")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0  # noqa: PLR2004 - digits


def _groups(stream: Stream) -> dict[tuple[str, str], list[Reference]]:
    groups: dict[tuple[str, str], list[Reference]] = {}
    for each in _all(stream):
        groups.setdefault((each.get("TYPE"), each.get("GROUP-ID")), []).append(each)
    return groups


def _required(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        if each.get("TYPE") not in _TYPES:
            yield at(stream, each, f"TYPE={each.get('TYPE')}", f"one of {', '.join(sorted(_TYPES))}")
        for name in ("GROUP-ID", "NAME"):
            if not each.get(name):
                yield at(stream, each, f"no {name}", name)


def _uris(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        kind = each.get("TYPE")
        if kind == "SUBTITLES" and not each.uri:
            yield at(stream, each, "no URI", 'URI="..."')
        if kind == "CLOSED-CAPTIONS" and each.uri:
            yield at(stream, each, "a URI", "none: captions are in the video segments")


def _instream(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        value, captions = each.get("INSTREAM-ID"), each.get("TYPE") == "CLOSED-CAPTIONS"
        if captions and not _INSTREAM.fullmatch(value):
            yield at(stream, each, value or "no INSTREAM-ID", "CC1 to CC4 or SERVICE1 to SERVICE63")
        if not captions and value:
            yield at(stream, each, "INSTREAM-ID", "none: it is for closed captions")


def _default(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        if each.get("DEFAULT") == "YES" and each.get("AUTOSELECT") not in {"", "YES"}:
            yield at(stream, each, f"AUTOSELECT={each.get('AUTOSELECT')}", "YES, because DEFAULT=YES")


def _flags(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        for name in ("DEFAULT", "AUTOSELECT", "FORCED"):
            if each.get(name) not in {"", "YES", "NO"}:
                yield at(stream, each, f"{name}={each.get(name)}", "YES or NO")
        if each.get("FORCED") and each.get("TYPE") != "SUBTITLES":
            yield at(stream, each, "FORCED", "none: it is for subtitles")


def _names(stream: Stream) -> Iterator[Violation]:
    for members in _groups(stream).values():
        seen: set[str] = set()
        for each in members:
            if each.get("NAME") in seen:
                yield at(stream, each, f'NAME="{each.get("NAME")}" again', "another name")
            seen.add(each.get("NAME"))


def _one_default(stream: Stream) -> Iterator[Violation]:
    for members in _groups(stream).values():
        for each in [each for each in members if each.get("DEFAULT") == "YES"][1:]:
            yield at(stream, each, "a second DEFAULT=YES", "one in a group")


def _members(stream: Stream) -> Iterator[Violation]:
    by_type: dict[str, list[list[Reference]]] = {}
    for (kind, _), members in _groups(stream).items():
        by_type.setdefault(kind, []).append(members)
    for first, *others in by_type.values():
        expected = {_comparable(each) for each in first}
        for members in others:
            if {_comparable(each) for each in members} != expected:
                required = f'the members of GROUP-ID="{first[0].get("GROUP-ID")}"'
                yield at(stream, members[0], "other members or attributes", required)


def _comparable(rendition: Reference) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in rendition.tag.attributes.items() if k not in _FREE))


def _language(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        if each.get("TYPE") != "VIDEO" and not each.get("LANGUAGE"):
            yield at(stream, each, "no LANGUAGE", 'LANGUAGE, "und" if it is unknown')


def _language_tags(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        for name in ("LANGUAGE", "ASSOC-LANGUAGE"):
            value = each.get(name)
            if value and not LANGUAGE_TAG.fullmatch(value):
                yield at(stream, each, f'{name}="{value}"', 'a tag of RFC 5646, such as "en" or "pt-BR"')


def _channels(stream: Stream) -> Iterator[Violation]:
    for each in stream.renditions("AUDIO"):
        if not channels(each):
            yield at(stream, each, f"CHANNELS={each.get('CHANNELS') or 'missing'}", "the number of channels")


def _forced(stream: Stream) -> Iterator[Violation]:
    for each in stream.renditions("SUBTITLES"):
        if each.get("FORCED") == "YES" and each.get("AUTOSELECT") != "YES":
            yield at(stream, each, f"AUTOSELECT={each.get('AUTOSELECT') or 'NO'}", "AUTOSELECT=YES")


def _accessibility(stream: Stream) -> Iterator[Violation]:
    for each in _all(stream):
        if "public.accessibility." in each.get("CHARACTERISTICS") and each.get("AUTOSELECT") != "YES":
            yield at(stream, each, f"AUTOSELECT={each.get('AUTOSELECT') or 'NO'}", "AUTOSELECT=YES")


def _stereo(stream: Stream) -> Iterator[Violation]:
    audio = [each for each in stream.variants if any(codec.kind == "audio" for codec in each.codecs)]
    if not audio or stream.master is None:
        return
    for each in audio:
        members = stream.master.group("AUDIO", each.get("AUDIO"))
        counts = [channels(rendition) for rendition in members]
        is_stereo = not members or any(count <= _STEREO for count in counts)
        if is_stereo and any(codec.stereo_aac for codec in each.codecs):
            return
    yield at(stream, audio[0].reference, "no AAC with at most 2 channels", "stereo AAC, beside others")


def _dolby(stream: Stream) -> Iterator[Violation]:
    families = {codec.family for each in stream.variants for codec in each.codecs}
    if "eac3" in families and "ac3" not in families and stream.variants:
        yield at(
            stream, stream.variants[0].reference, "Dolby Digital Plus (ec-3)", "Dolby Digital (ac-3), too"
        )


def _separate(stream: Stream) -> Iterator[Violation]:
    for each in stream.video_variants:
        members = stream.master.group("AUDIO", each.get("AUDIO")) if stream.master else []
        if any(codec.kind == "audio" for codec in each.codecs) and not any(found.uri for found in members):
            yield at(stream, each.reference, "audio and video in the same segments", "separate audio")


def _separate_alternatives(stream: Stream) -> Iterator[Violation]:
    for members in _groups(stream).values():
        audio = [each for each in members if each.get("TYPE") == "AUDIO"]
        for each in audio:
            if not each.uri and (len(audio) > 1 or channels(each) > _STEREO):
                yield at(stream, each, "no URI: it is in the video segments", "a separate playlist")


RULES: tuple[Rule, ...] = (
    must(
        "RFC8216-4.3.4.1",
        "A rendition has a known TYPE, a GROUP-ID and a NAME.",
        "add the attribute",
        _required,
    ),
    must(
        "RFC8216-4.3.4.1:uri",
        "Subtitles have a URI, and closed captions have none.",
        "add or remove the URI",
        _uris,
    ),
    must(
        "RFC8216-4.3.4.1:instream",
        "Closed captions have a valid INSTREAM-ID, and other renditions have none.",
        "correct INSTREAM-ID",
        _instream,
    ),
    must(
        "RFC8216-4.3.4.1:default",
        "A rendition with DEFAULT=YES does not have AUTOSELECT=NO.",
        "write AUTOSELECT=YES",
        _default,
    ),
    must(
        "RFC8216-4.3.4.1:flags",
        "DEFAULT, AUTOSELECT and FORCED are YES or NO, and only subtitles have FORCED.",
        "correct the attribute",
        _flags,
    ),
    must(
        "RFC8216-4.3.4.1.1:names",
        "The renditions of a group have different names.",
        "write a distinct NAME",
        _names,
    ),
    must(
        "RFC8216-4.3.4.1.1:default",
        "At most one rendition of a group has DEFAULT=YES.",
        "keep one default",
        _one_default,
    ),
    must(
        "RFC8216-4.3.4.1.1:members",
        "Groups of one TYPE have the same members, equal but for URI and channels.",
        "write the same EXT-X-MEDIA attributes in each group",
        _members,
    ),
    must(
        "APPLE-8.10",
        "Every rendition but those of TYPE=VIDEO has a LANGUAGE (also items 4.4 and 4.7).",
        'add LANGUAGE; "und" for an unknown language',
        _language,
    ),
    must(
        "RFC8216-4.3.4.1:language",
        "LANGUAGE and ASSOC-LANGUAGE are language tags of RFC 5646.",
        "correct the language tag",
        _language_tags,
    ),
    should(
        "RFC8216-4.3.4.1:channels",
        "Every audio rendition has CHANNELS.",
        "add CHANNELS with the number of channels",
        _channels,
    ),
    should(
        "APPLE-5.11",
        "Forced subtitles have AUTOSELECT=YES.",
        "write AUTOSELECT=YES",
        _forced,
    ),
    must(
        "APPLE-4.6",
        "Renditions for accessibility have AUTOSELECT=YES (also item 2.13).",
        "write AUTOSELECT=YES",
        _accessibility,
    ),
    must(
        "APPLE-2.3",
        "A stream with audio has audio of at most two channels in AAC.",
        "add a stereo downmix",
        _stereo,
    ),
    must(
        "APPLE-2.6",
        "A stream with Dolby Digital Plus has Dolby Digital, too.",
        "add renditions and variants with ac-3",
        _dolby,
    ),
    should(
        "APPLE-9.5",
        "Video and audio are separate.",
        "package audio as renditions (EXT-X-MEDIA)",
        _separate,
    ),
    must(
        "APPLE-9.7",
        "Alternative audio and audio of more than two channels are separate (also item 9.6).",
        "package this audio as a rendition with a URI",
        _separate_alternatives,
    ),
)
