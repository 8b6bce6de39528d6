"""Planted violations of the rules of the MPD."""

from __future__ import annotations

from tests.unit.media.streaming.validation.good_stream import MPD
from tests.unit.media.streaming.validation.planted import Case, after, case, edit, pattern_edit

S = '<S t="0" d="180000" r="1"/>'
TEXT_TEMPLATE = r'<SegmentTemplate timescale="1000".*?</SegmentTemplate>'
LABEL = "   <Label>English</Label>\n"
ROLE = '   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="{}"/>\n'

MPD_CASES = (
    case("DASH-5.2", edit(MPD, "<MPD ", "<!DOCTYPE MPD><MPD ")),
    case("DASH-5.3.1.2:profiles", edit(MPD, "urn:mpeg:dash:profile:isoff-live:2011", "live")),
    case("DASH-5.3.1.2:buffer", edit(MPD, ' minBufferTime="PT2S"', "")),
    case(
        "DASH-5.3.1.2:durations",
        edit(MPD, 'mediaPresentationDuration="PT12S"', 'mediaPresentationDuration="12s"'),
    ),
    case("DASH-5.3.1.2:static", edit(MPD, ' mediaPresentationDuration="PT12S"', "")),
    case("DASH-5.3.1.2:dynamic", edit(MPD, 'type="static"', 'type="dynamic"')),
    case("IOP-3.2.2:static", edit(MPD, 'type="static"', 'type="static" minimumUpdatePeriod="PT5S"')),
    case(
        "DASH-5.3.2.2",
        edit(MPD, '<Period id="0"', '<Period id="0" duration="PT6S"/><Period id="0"'),
        edit(MPD, 'start="PT0S"', 'start="PT6S"'),
        edit(MPD, 'mediaPresentationDuration="PT12S"', 'mediaPresentationDuration="PT18S"'),
    ),
    case(
        "TIMING-8.1",
        edit(MPD, 'start="PT0S"', 'start="PT1S"'),
        edit(MPD, 'mediaPresentationDuration="PT12S"', 'mediaPresentationDuration="PT13S"'),
    ),
    case("DASH-5.3.3.2:id", edit(MPD, '<AdaptationSet id="1"', '<AdaptationSet id="0"')),
    case("DASH-5.3.5.2:id", edit(MPD, 'id="h720b"', 'id="h720a"')),
    case("TIMING-7", edit(MPD, 'mediaPresentationDuration="PT12S"', 'mediaPresentationDuration="PT12.3S"')),
    case("DASH-5.3.1.2:longest", edit(MPD, 'maxSegmentDuration="PT12S"', 'maxSegmentDuration="PT5S"')),
    case("DASH-5.6.4", edit(MPD, " <Period", " <BaseURL>ftp://example.org/</BaseURL>\n <Period")),
    case("DASH-5.8.5.5", edit(MPD, 'value="subtitle"', 'value="titles"')),
    case("DASH-5.10.2", edit(MPD, '  <AdaptationSet id="0"', '  <EventStream/>\n  <AdaptationSet id="0"')),
    case("DASH-5.3.1.2:type", edit(MPD, ' type="static"', "")),
)
SETS = (
    case(
        "DASH-5.3.3",
        edit(MPD, '  <AdaptationSet id="3"', '  <AdaptationSet id="9"/>\n  <AdaptationSet id="3"'),
    ),
    case("DASH-5.3.5.2:bandwidth", edit(MPD, 'bandwidth="1000"', 'bandwidth="0"')),
    case("DASH-5.3.7.2:mimeType", edit(MPD, ' mimeType="audio/mp4"', "")),
    case("IOP-3.2.13", edit(MPD, 'mimeType="audio/mp4"', 'mimeType="video/mp4"')),
    case("IOP-3.2.4:codecs", edit(MPD, ' codecs="wvtt"', "")),
    case("CMAF-7.3.4", after(MPD, 'id="h720b"', "avc1.64001f", "hvc1.1.6.L93.90")),
    case("DASH-5.3.7.2:either", edit(MPD, 'contentType="audio"', 'contentType="audio" mimeType="audio/mp4"')),
    case("DASH-5.3.3.2:maxima", edit(MPD, 'maxWidth="1280"', 'maxWidth="1000"')),
    case("IOP-3.2.4:lang", edit(MPD, ' contentType="audio" lang="en"', ' contentType="audio"')),
    case("IOP-3.2.4:video-set", edit(MPD, ' par="16:9"', "")),
    case("IOP-3.2.4:video", edit(MPD, ' sar="1:1"', "")),
    case("IOP-3.2.4:scanType", edit(MPD, 'contentType="video"', 'contentType="video" scanType="interlaced"')),
    case("IOP-3.2.4:audio", edit(MPD, ' audioSamplingRate="48000"', "")),
    case("IOP-3.2.2:role", edit(MPD, ROLE.format("main"), "")),
    case("IOP-3.2.2.2", edit(MPD, 'segmentAlignment="true"', 'segmentAlignment="false"')),
    case("DASH-5.3.7.2:startWithSAP", edit(MPD, ' startWithSAP="1"', "")),
    case("DASH-5.3.3.3", edit(MPD, LABEL + ROLE.format("subtitle"), ROLE.format("subtitle") + LABEL)),
    case("IOP-6.2", pattern_edit(MPD, r'   <SupplementalProperty [^>]*value="1"/>\n', "", 1)),
)
TEMPLATES = (
    case(
        "DASH-5.3.9.1",
        after(MPD, 'id="audio"', "    <SegmentTemplate", "    <SegmentBase/>\n    <SegmentTemplate"),
    ),
    case("DASH-8.4.3", pattern_edit(MPD, r"(?s)" + TEXT_TEMPLATE, "<BaseURL>text.mp4</BaseURL>")),
    case("DASH-5.3.9.6", after(MPD, 'id="audio"', S, '<S t="0" d="0"/>')),
    case("DASH-5.3.9.2", after(MPD, 'id="audio"', 'startNumber="1"', 'startNumber="1" duration="180000"')),
    case("DASH-5.3.9.4.4", edit(MPD, 'initialization="audio/init.mp4"', 'initialization="audio/$Name$.mp4"')),
    case(
        "DASH-5.3.9.4.2", edit(MPD, 'initialization="audio/init.mp4"', 'initialization="audio/$Number$.mp4"')
    ),
    case("DASH-5.3.9.4.4:distinct", edit(MPD, 'media="audio/$Number%05d$.m4s"', 'media="audio/all.m4s"')),
    case("TIMING-9.1", edit(MPD, 'timescale="1000"', 'timescale="1"'), edit(MPD, 'd="12000"', 'd="12"')),
    case("TIMING-9.2", after(MPD, 'id="audio"', S, '<S t="0" d="180000"/><S t="190000" d="170000"/>')),
    case("TIMING-9.2.1", after(MPD, 'id="audio"', S, '<S t="0" d="180000"/>')),
    case("DASH-5.3.3.2:alignment", after(MPD, 'id="h720b"', S, '<S t="0" d="170000"/><S d="190000"/>')),
)
CASES: tuple[Case, ...] = (*MPD_CASES, *SETS, *TEMPLATES)
