from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from eddyline import gpmf
from eddyline.gpmf import export

RideBuilder = Callable[..., gpmf.Telemetry]

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - written by the test


def render(telemetry: gpmf.Telemetry) -> ET.Element:
    out = io.BytesIO()
    export.write(telemetry, out, "svg")
    return parsed(out.getvalue())


def by_title(root: ET.Element, title: str) -> list[ET.Element]:
    return [each for each in root.iter() if (each.findtext(f"{SVG}title") or "").startswith(title)]


def test_north_is_up_and_east_is_right(ride: RideBuilder) -> None:
    root = render(ride())
    (start,), (end,) = by_title(root, "Start"), by_title(root, "End")
    assert float(start.attrib["cx"]) < float(end.attrib["x"])
    assert float(start.attrib["cy"]) > float(end.attrib["y"])
    assert by_title(root, "North is up")


def test_the_scale_bar_has_the_labelled_length(ride: RideBuilder) -> None:
    root = render(ride(lat=0.0))
    (start,), (end,) = by_title(root, "Start"), by_title(root, "End")
    pixels = float(end.attrib["x"]) + 7.5 - float(start.attrib["cx"])
    metres = 59 * 1e-5 * 111_195
    label = next(
        each.text or "" for each in root.iter(f"{SVG}text") if re.fullmatch(r"\d+ m", each.text or "")
    )
    bar = next(each.attrib["d"] for each in root.iter(f"{SVG}path") if "v5h" in each.attrib["d"])
    width = float(re.findall(r"h([\d.]+)", bar)[0])
    assert float(label.split()[0]) / width == pytest.approx(metres / pixels, rel=0.02)


def test_every_hilight_is_marked(ride: RideBuilder) -> None:
    assert len(by_title(render(ride()), "HiLight at")) == 2


def test_a_distant_hilight_does_not_shrink_the_map(ride: RideBuilder) -> None:
    telemetry = ride()
    with_distant_hilight = replace(telemetry, hilights=(gpmf.Hilight(time_s=1.0, lat=-47.0, lon=100.0),))
    assert not by_title(render(with_distant_hilight), "HiLight at")
    (start,), (end,) = (
        by_title(render(with_distant_hilight), "Start"),
        by_title(render(with_distant_hilight), "End"),
    )
    assert float(end.attrib["x"]) - float(start.attrib["cx"]) > 300


def test_the_image_contains_no_links_and_no_scripts(ride: RideBuilder) -> None:
    out = io.BytesIO()
    export.write(ride(camera='"><script>alert(1)</script>'), out, "svg")
    text = out.getvalue().decode()
    assert "<script" not in text
    assert "href" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_stationary_camera_has_a_map(ride: RideBuilder) -> None:
    telemetry = ride()
    track = telemetry.gps
    assert track is not None
    track.lat[:], track.lon[:], track.speed_2d[:] = 47.0, 8.0, 0.0
    assert by_title(render(telemetry), "Start")


def test_a_long_track_remains_a_small_file(ride: RideBuilder) -> None:
    out = io.BytesIO()
    export.write(ride(seconds=600), out, "svg")
    assert len(out.getvalue()) < 60_000
