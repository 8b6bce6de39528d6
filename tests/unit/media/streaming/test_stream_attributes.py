"""The manifests have the attributes that the authoring rules require, in a valid order."""

from __future__ import annotations

from eddyline.media.streaming.bit_rates import BitRates
from eddyline.media.streaming.stream_attributes import (
    with_aspect_ratios,
    with_default_variant,
    with_main_role,
    with_set_attributes,
    with_video_ranges,
)
from eddyline.media.streaming.stream_bit_rates import with_bit_rates

MASTER = """#EXTM3U

#EXT-X-MEDIA:TYPE=AUDIO,URI="a/main.m3u8",GROUP-ID="audio",NAME="Audio 1",DEFAULT=YES
#EXT-X-MEDIA:TYPE=AUDIO,URI="b/main.m3u8",GROUP-ID="audio",LANGUAGE="de",NAME="Audio 2"

#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=9000000,CODECS="hvc1.2.4.L63.90",AUDIO="audio"
hevc/main.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=4000000,CODECS="avc1.64001f",AUDIO="audio"
large/main.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1100000,CODECS="avc1.64001e",AUDIO="audio"
small/main.m3u8

#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1,CODECS="avc1.64001e",URI="small/iframes.m3u8"
"""
MPD = """  <Period id="0">
    <AdaptationSet id="1" contentType="video" width="640">
      <Representation id="0" codecs="hvc1.2.4.L63.90"/>
    </AdaptationSet>
    <AdaptationSet id="2" contentType="video" width="640">
      <SupplementalProperty schemeIdUri="x" value="1"/>
      <Representation id="1" codecs="avc1.64001e"/>
      <Representation id="2" codecs="avc1.64001e"/>
    </AdaptationSet>
    <AdaptationSet id="0" contentType="audio">
      <Representation id="3" codecs="mp4a.40.2"/>
    </AdaptationSet>
    <AdaptationSet id="4" contentType="audio" lang="de">
      <Representation id="4" codecs="mp4a.40.2"/>
    </AdaptationSet>
  </Period>
"""


def test_the_h264_variant_nearest_to_two_megabits_is_first() -> None:
    text = with_default_variant(MASTER)
    uris = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert uris == ["small/main.m3u8", "hevc/main.m3u8", "large/main.m3u8"]
    assert sorted(text.splitlines()) == sorted(MASTER.splitlines())
    assert with_default_variant(text) == text
    assert with_default_variant("#EXTM3U\n") == "#EXTM3U\n"


def test_the_default_has_stereo() -> None:
    text = MASTER.replace('"avc1.64001e",AUDIO="audio"', '"avc1.64001e",AUDIO="audio-surround"')
    uris = [line for line in with_default_variant(text).splitlines() if line and not line.startswith("#")]
    assert uris == ["large/main.m3u8", "hevc/main.m3u8", "small/main.m3u8"]


def test_sdr_is_the_default_without_h264() -> None:
    text = (
        "#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=2000000,VIDEO-RANGE=PQ\nhdr.m3u8\n"
        "#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=9000000,VIDEO-RANGE=SDR\nsdr.m3u8\n"
    )
    assert with_default_variant(text).splitlines()[1] == "sdr.m3u8"


def test_adaptation_sets_of_video_have_access_points() -> None:
    text = with_set_attributes(MPD)
    assert text.count('contentType="video" startWithSAP="1"') == 2
    assert with_set_attributes(text) == text


def test_video_sets_without_an_aspect_ratio_get_that_of_the_first_representation() -> None:
    anamorphic = '<Representation id="0" codecs="hvc1.2.4.L63.90" sar="4:3" width="720" height="540"/>'
    text = with_aspect_ratios(
        MPD.replace(' width="640"', "").replace(
            '<Representation id="0" codecs="hvc1.2.4.L63.90"/>', anamorphic
        )
    )
    assert text.count('contentType="video" par="16:9"') == 1
    assert text.count(" par=") == 1  # the other set states no size
    assert with_aspect_ratios(text) == text


def test_sdr_variants_beside_hdr_state_their_range() -> None:
    text = "#EXT-X-STREAM-INF:A=1\nx\n#EXT-X-I-FRAME-STREAM-INF:A=1\n#EXT-X-STREAM-INF:VIDEO-RANGE=PQ\ny\n"
    assert with_video_ranges(text).count(",VIDEO-RANGE=SDR") == 2
    assert with_video_ranges(text.replace("PQ", "SDR")) == text.replace("PQ", "SDR")


def test_one_of_several_video_sets_has_the_main_role_after_its_properties() -> None:
    text = with_main_role(MPD)
    assert text.count('value="main"') == 1
    assert text.index("SupplementalProperty") < text.index('value="main"') < text.index('id="1" codecs')
    assert with_main_role(text) == text
    single = MPD.replace('contentType="video"', 'contentType="text"', 1)
    assert with_main_role(single) == single


def test_variants_include_the_largest_rendition_of_their_groups() -> None:
    rates = {
        "hevc/main.m3u8": BitRates(peak=3000, average=2000),
        "large/main.m3u8": BitRates(peak=900, average=800),
        "small/iframes.m3u8": BitRates(peak=70, average=60),
        "a/main.m3u8": BitRates(peak=10, average=9),
        "b/main.m3u8": BitRates(peak=40, average=5),
    }
    text = with_bit_rates(MASTER, rates)
    assert "#EXT-X-STREAM-INF:BANDWIDTH=3040,AVERAGE-BANDWIDTH=2009,CODECS=" in text
    assert "#EXT-X-STREAM-INF:BANDWIDTH=940,AVERAGE-BANDWIDTH=809,CODECS=" in text
    assert "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=70,AVERAGE-BANDWIDTH=60,CODECS=" in text
    # Without measured rates a variant stays as it is.
    assert "BANDWIDTH=1,AVERAGE-BANDWIDTH=1100000" in text
