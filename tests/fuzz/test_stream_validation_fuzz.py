"""The validator survives damaged manifests: it reports findings, and raises only Eddyline's errors."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.media.streaming.validation.good_stream import MASTER, MPD, good_files, load, measured

from eddyline.core.errors import EddylineError
from eddyline.media.streaming.validation.mpd_model import parse_mpd
from eddyline.media.streaming.validation.report import check_rules

FILES = good_files()
TRAPS = (
    *(
        "\0",
        "\ufeff",
        "\r",
        "\u2028",
        '"',
        ",",
        "=",
        "#EXT-X-MAP:",
        "#EXTINF:",
        "\n#EXT-X-STREAM-INF:\n",
        "-1",
    ),
    *(
        "99999999999999999999",
        "1e999",
        "0",
        "%2e%2e/",
        "../",
        "$Number%09d$",
        "<S d='1' r='-1'/>",
        "<!ENTITY",
    ),
    *("</MPD>", "nan", "x" * 300, "/", "@", "r='999999'", "timescale='0'", "PT99999999H"),
)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(TRAPS) | st.text(max_size=6)),
    min_size=1,
    max_size=5,
)


def damaged(text: str, edits: list[tuple[float, int, str]]) -> str:
    for place, length, new in edits:
        at = int(place * len(text))
        text = text[:at] + new + text[at + length :]
    return text


@settings(max_examples=40)
@given(
    name=st.sampled_from([MASTER, MPD, "h360/main.m3u8", "h360/iframes.m3u8", "subtitles/main.m3u8"]),
    edits=EDITS,
)
def test_damaged_manifests_are_reported_and_not_fatal(name: str, edits: list[tuple[float, int, str]]) -> None:
    files: dict[str, str | bytes] = dict(FILES)
    files[name] = damaged(FILES[name], edits).encode("utf-8", "surrogatepass")
    try:
        stream = load(files)
    except EddylineError:
        return
    findings = check_rules(stream)
    assert all(each.file and each.place for each in findings)


@settings(max_examples=60)
@given(
    st.text(max_size=200)
    | st.sampled_from(["<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'>" + "<Period/>" * 50 + "</MPD>"])
)
def test_any_text_is_an_mpd_or_a_problem(text: str) -> None:
    mpd = parse_mpd(text, "x.mpd")
    assert (mpd.root is None) == bool(mpd.problem)


def test_measurements_of_other_playlists_do_not_confuse_the_rules() -> None:
    stream = measured(load(FILES))
    assert check_rules(stream) == ()
