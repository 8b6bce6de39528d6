"""Planted violations of the rules of encryption."""

from __future__ import annotations

from tests.unit.media.streaming.validation.cases_hls import V
from tests.unit.media.streaming.validation.good_stream import MPD
from tests.unit.media.streaming.validation.planted import (
    DASH_720,
    Case,
    Edit,
    case,
    edit,
    entry,
    measured_case,
)

KEY_ID = "00010203-0405-0607-0809-0a0b0c0d0e0f"
HEX = KEY_ID.replace("-", "")
KEY = '#EXT-X-KEY:METHOD={},URI="skd://key"\n#EXT-X-MAP'
SET = '   <SupplementalProperty schemeIdUri="urn:mpeg:mpegB:cicp:TransferCharacteristics"'
COMMON = (
    '   <ContentProtection xmlns:cenc="urn:mpeg:cenc:2013" schemeIdUri="urn:mpeg:dash:mp4protection:2011"'
    ' value="{}" cenc:default_KID="{}"/>\n'
)
CLEAR_KEY = '   <ContentProtection schemeIdUri="urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"/>\n'


def protected(descriptor: str) -> Edit:
    """Add a descriptor to the first adaptation set."""
    return edit(MPD, SET, descriptor + SET)


ENCRYPTED = {"encrypted": True, "scheme": "cbcs", "key_id": HEX}
SIGNALLED = protected(COMMON.format("cbcs", KEY_ID.upper()))
CASES: tuple[Case, ...] = (
    case("APPLE-13.11", edit(V, "#EXT-X-MAP", KEY.format("SAMPLE-AES-CTR"))),
    measured_case(
        "RFC8216-4.3.2.4:cbcs",
        entry(V, encrypted=True, scheme="cenc", key_id=HEX),
        edits=(edit(V, "#EXT-X-MAP", KEY.format("SAMPLE-AES")),),
    ),
    case("SECURITY-9.1", protected(CLEAR_KEY)),
    measured_case(
        "SECURITY-9.1:default_KID",
        entry(DASH_720, encrypted=True, scheme="cbcs", key_id=HEX[::-1]),
        edits=(SIGNALLED,),
    ),
)
# Further violations of a rule, and streams that violate none.
MORE: tuple[Case, ...] = (
    case("SECURITY-9.1", protected(COMMON.format("cens", KEY_ID))),
    case("SECURITY-9.1", protected(COMMON.format("cbcs", HEX))),
    case("SECURITY-9.1", protected(COMMON.format("cbcs", ""))),
    measured_case("SECURITY-9.1", entry(DASH_720, **ENCRYPTED)),
    measured_case(
        "SECURITY-9.1:default_KID", entry(DASH_720, **{**ENCRYPTED, "scheme": "cenc"}), edits=(SIGNALLED,)
    ),
)
VALID: tuple[Case, ...] = (
    measured_case("", entry(DASH_720, **ENCRYPTED), edits=(SIGNALLED,)),
    measured_case(
        "",
        entry(DASH_720, **ENCRYPTED),
        edits=(
            protected(COMMON.format("cbcs", f"{'0' * 8}-{'0' * 4}-{'0' * 4}-{'0' * 4}-{'0' * 12} {KEY_ID}")),
        ),
    ),
    measured_case("", entry(V, **ENCRYPTED), edits=(edit(V, "#EXT-X-MAP", KEY.format("SAMPLE-AES")),)),
)
