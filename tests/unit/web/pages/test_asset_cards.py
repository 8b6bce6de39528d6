from __future__ import annotations

from dataclasses import replace

import pytest

from eddyline.graph.ledger.catalogue.asset import Asset, AssetState
from eddyline.web.pages.asset_cards import card_of, clock, day, frame_size, remaining

READY = Asset(
    asset="0123456789abcdef",
    owner="",
    name="GX010001.MP4",
    state=AssetState.READY,
    created=1_750_000_000.0,
    updated=1_750_000_000.0,
    profile="default",
    source="/card/GX010001.MP4",
    progress=1.0,
    captured=1_750_500_000.0,
    duration_s=3723.4,
    width=3840,
    height=2160,
    fps=59.94,
    camera="HERO12 Black",
    poster="pictures/poster.jpg",
    storyboard="pictures/story board.vtt",
)


def test_a_card_names_the_facts_of_an_asset() -> None:
    card = card_of(READY)
    assert card.facts == ("HERO12 Black", "4K60", "21 Jun 2025")
    assert card.duration == "1:02:03"
    assert card.poster == "/media/0123456789abcdef/pictures/poster.jpg"
    assert card.storyboard == "/media/0123456789abcdef/pictures/story%20board.vtt"


def test_a_card_without_facts_still_has_a_name_and_the_day_it_was_added() -> None:
    bare = replace(
        READY, name="\n", captured=None, duration_s=None, width=None, fps=None, camera=None, poster=None
    )
    card = card_of(bare)
    assert (card.name, card.facts, card.duration, card.poster) == (bare.asset, ("15 Jun 2025",), "", "")


def test_progress_never_falls_below_what_was_shown() -> None:
    processing = replace(READY, state=AssetState.PROCESSING, progress=0.5)
    assert card_of(processing, fraction=0.25, reason="encoding").percent == 50
    assert card_of(processing, fraction=0.75, reason="encoding").message == "encoding"
    assert card_of(processing, fraction=0.999).percent == 99


def test_a_failed_asset_says_why_and_what_to_do() -> None:
    failed = replace(
        READY, state=AssetState.FAILED, failure={"message": "the file ends\x07", "remedy": "copy it again"}
    )
    assert card_of(failed).message == "the file ends"
    assert card_of(failed).remedy == "copy it again"
    assert card_of(replace(failed, failure=None)).message == "the reason is not known"


@pytest.mark.parametrize(
    ("width", "height", "fps", "expected"),
    [(1920, 1080, 29.97, "1080p"), (1080, 1920, 119.88, "1080p120"), (None, 1080, 25.0, "")],
)
def test_frame_sizes_have_their_usual_names(
    width: int | None, height: int, fps: float, expected: str
) -> None:
    assert frame_size(replace(READY, width=width, height=height, fps=fps)) == expected


def test_times_are_those_of_a_player() -> None:
    assert [clock(each) for each in (0.4, 59.6, 185, 3600)] == ["0:00", "1:00", "3:05", "1:00:00"]
    assert day(0) == "1 Jan 1970"
    spelled = [remaining(each) for each in (None, 3, 41, 170, 3900)]
    assert spelled == ["", "a few seconds left", "40 s left", "3 min left", "1 h 5 min left"]
