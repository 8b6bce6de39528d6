"""The image of a week of scaling is that of the present policies."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from docs import scaling_week

from eddyline.fleet.scaling.model.pool_model import Minute


@pytest.fixture(scope="module")
def week() -> list[Minute]:
    return scaling_week.week()


def test_the_image_is_up_to_date(week: list[Minute]) -> None:
    assert scaling_week.FILE.read_text("utf-8") == scaling_week.draw(week), "run `make docs`"


def test_the_image_is_well_formed_and_small(week: list[Minute]) -> None:
    text = scaling_week.draw(week)
    assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 - likewise
    assert len(text) < 60_000


def test_the_week_shows_what_its_caption_says(week: list[Minute]) -> None:
    outage = week[3 * 1440 + 11 * 60 : 3 * 1440 + 14 * 60]
    assert max(minute.on_demand_serving for minute in outage) > 300
    assert week[-1].on_demand_provided == 0
    assert max(minute.serving for minute in week[2 * 1440 : 3 * 1440]) > 1500
