"""The asset page: playing, map and charts, verification, joins, comparison."""

from __future__ import annotations

from typing import Any

import pytest
from tests.waiting import wait_until
from tests.web.browser import assert_accessible, screenshots, wait
from tests.web.library import PLAIN, RIDE, asset_of
from tests.web.server import Site

VIDEO = "document.querySelector('#player video')"


@pytest.fixture
def ride(page: Any, site: Site) -> Any:
    """The page of the packaged recording with telemetry, with its player ready."""
    page.goto(f"/assets/{asset_of(site.out, RIDE)}")
    wait(page, f"{VIDEO}?.readyState >= 2 && globalThis.eddyline?.charts?.length === 4")
    page.evaluate("Promise.all([eddyline.player.loaded, eddyline.player.ready])")
    page.evaluate(f"{VIDEO}.muted = true")
    return page


def _seek(page: Any, time: float) -> None:
    page.evaluate(f"eddyline.clock.seek({time})")
    wait(page, f"Math.abs(eddyline.clock.time - {time}) < 0.06")


def test_the_page_is_accessible_in_light_and_dark(ride: Any) -> None:
    assert_accessible(ride)
    ride.emulate_media(color_scheme="dark")
    assert_accessible(ride)
    ride.emulate_media(color_scheme="light")
    screenshots(ride, "asset")


def test_the_video_plays_and_its_quality_can_be_switched(ride: Any) -> None:
    ride.evaluate(f"{VIDEO}.play()")
    wait(ride, f"{VIDEO}.currentTime > 0.5")
    ride.evaluate("eddyline.player.player.configure('abr.enabled', false)")
    for height in (180, 360):
        ride.evaluate(
            f"""(() => {{ const {{ player }} = eddyline.player;
            const track = player.getVariantTracks().find((each) => each.height === {height});
            player.selectVariantTrack(track, true); }})()"""
        )
        wait(ride, f"{VIDEO}.videoHeight === {height}")
    before = ride.evaluate(f"{VIDEO}.currentTime")
    wait(ride, f"{VIDEO}.currentTime > {before}")


def test_map_and_charts_follow_the_frame_and_seek(ride: Any) -> None:
    _seek(ride, 6.0)
    expected = ride.evaluate("""import('/static/asset/telemetry.js').then(({ positionAt }) =>
      positionAt(eddyline.map.track, eddyline.clock.time))""")
    shown = ride.evaluate("eddyline.map.marker.getLatLng()")
    assert shown["lat"] == pytest.approx(expected["lat"], abs=1e-9)
    assert shown["lng"] == pytest.approx(expected["lon"], abs=1e-9)
    assert ride.evaluate("eddyline.charts.every((chart) => chart.time === eddyline.clock.time)")
    assert ride.locator("#counter").inner_text().startswith("frame 17")
    box = ride.locator(".chart .u-over").first.bounding_box()
    ride.locator(".chart .u-over").first.click(position={"x": box["width"] * 0.75, "y": 20})
    wait(ride, "Math.abs(eddyline.clock.time - 9.0) < 0.25")
    time = ride.evaluate("""(() => { const { map } = eddyline; const at = map.track.times.length >> 2;
      map.map.fire("click", { latlng: { lat: map.track.lat[at], lng: map.lon[at] } });
      return map.track.times[at]; })()""")
    wait(ride, f"Math.abs(eddyline.clock.time - {time}) < 0.2")


def test_units_are_switched_and_kept(ride: Any) -> None:
    assert ride.locator("#now-speed").inner_text().endswith("km/h")
    ride.locator("#units").select_option("imperial")
    assert ride.locator("#now-speed").inner_text().endswith("mph")
    ride.reload()
    wait(ride, "document.getElementById('now-speed').textContent.endsWith('mph')")


def test_positions_without_a_fix_are_grey_and_left_out_of_the_maximum(page: Any, site: Site) -> None:
    asset = asset_of(site.out, RIDE)

    def spoil(route: Any) -> None:
        track = route.fetch().json()
        for at in range(40, 60):
            track["good"][at], track["fix"][at], track["speed_2d"][at] = False, 0, 99.0
            track["lat"][at] += 5
        track["good_samples"] -= 20
        route.fulfill(json=track)

    page.route(f"**/assets/{asset}/telemetry/track**", spoil)
    page.goto(f"/assets/{asset}")
    wait(page, "globalThis.eddyline?.charts?.length === 4")
    assert page.locator("#gps-note").inner_text().startswith("Grey: 20 of ")
    assert float(page.locator("#top-speed").inner_text().split()[0]) < 40
    values = page.evaluate("[eddyline.charts[0].plot.data[1][50], eddyline.charts[0].plot.data[2][50]]")
    assert values == [None, pytest.approx(356.4)]
    bounds = page.evaluate("eddyline.map.bounds().getNorth() - eddyline.map.bounds().getSouth()")
    assert bounds < 1
    screenshots(page, "asset-without-fix", schemes=False)


def test_the_seek_bar_shows_the_storyboard_at_the_right_time(ride: Any, site: Site) -> None:
    thumbnail = ride.evaluate("""(async () => {
      const { player } = eddyline.player;
      const track = player.getImageTracks()[0];
      return (await player.getThumbnails(track.id, 6.5));
    })()""")
    vtt = (site.out / "assets" / asset_of(site.out, RIDE) / "pictures" / "storyboard.vtt").read_text()
    cue = next(part for part in vtt.split("\n\n") if part.startswith("00:00:06.") or "--> 00:00:08" in part)
    x, y, *_ = map(int, cue.partition("#xywh=")[2].split(","))
    assert thumbnail["startTime"] <= 6.5 < thumbnail["startTime"] + thumbnail["duration"]
    assert (thumbnail["positionX"], thumbnail["positionY"]) == (x, y)
    assert thumbnail["uris"][0].startswith(f"{site.url}/media/")


def test_the_player_can_be_used_by_keyboard_and_names_its_controls(ride: Any) -> None:
    nameless = ride.evaluate("""[...document.querySelectorAll('#player button, #player input')]
      .filter((each) => each.checkVisibility() && !(each.ariaLabel || each.textContent.trim() || each.title))
      .map((each) => each.outerHTML)""")
    assert nameless == []
    ride.locator("h1").click()
    ride.keyboard.press("ArrowRight")
    wait(ride, "Math.abs(eddyline.clock.time - 5) < 0.2")
    frame = ride.evaluate("eddyline.clock.frame")
    ride.keyboard.press(".")
    wait(ride, f"eddyline.clock.frame === {frame + 1}")
    ride.keyboard.press(",")
    wait(ride, f"eddyline.clock.frame === {frame}")
    ride.keyboard.press(" ")
    wait(ride, f"!{VIDEO}.paused && {VIDEO}.currentTime > 5.3")
    ride.keyboard.press(" ")
    wait(ride, f"{VIDEO}.paused")


def test_a_seek_while_the_player_loads_is_kept(page: Any, site: Site) -> None:
    held: list[Any] = []
    page.route("**/*.mpd", lambda route: held.append(route))  # noqa: PLW0108 - Playwright needs a function in Python
    page.goto(f"/assets/{asset_of(site.out, RIDE)}")
    wait(page, "globalThis.eddyline !== undefined")
    wait_until(lambda: page.evaluate("true") and held, message="the player did not request its manifest")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(".")
    page.keyboard.press(".")
    held[0].continue_()
    wait(page, "eddyline.clock.frame === Math.floor(5 * eddyline.clock.fps + 0.01) + 2")
    wait(page, f"!{VIDEO}.seeking && Math.abs({VIDEO}.currentTime - 5) < 0.2")


def test_a_rendition_is_verified_and_a_flipped_byte_is_found(ride: Any, site: Site) -> None:
    row = ride.locator("[data-rendition='180p']")
    row.get_by_role("button").click()
    wait(ride, "document.querySelector('[data-rendition=\"180p\"]').dataset.state === 'equal'")
    path = site.out / "assets" / asset_of(site.out, RIDE) / "renditions" / "180p.mp4"
    original = path.read_bytes()
    damaged = bytearray(original)
    damaged[len(damaged) // 2] ^= 1
    try:
        path.write_bytes(damaged)
        row.get_by_role("button").click()
        wait(ride, "document.querySelector('[data-rendition=\"180p\"]').dataset.state === 'different'")
        screenshots(ride, "asset-flipped-byte", schemes=False)
    finally:
        path.write_bytes(original)


def test_the_cost_is_read_when_its_section_is_opened(ride: Any) -> None:
    ride.click("#cost summary")
    ride.locator("#cost tbody tr").first.wait_for()
    rows = [row.split("\t") for row in ride.locator("#cost tbody tr").all_inner_texts()]
    kinds = {row[0]: row for row in rows}
    assert {"inspect", "chunk", "assemble", "publish", "all"} <= kinds.keys()
    assert kinds["all"][3] == "unknown"
    assert "Not known (no price of this machine)" in ride.inner_text("#cost .notes")
    assert_accessible(ride)


def test_every_join_is_continuous(ride: Any) -> None:
    ride.get_by_role("tab", name="Inspect joins").click()
    joins = ride.evaluate("eddyline.joins.starts")
    assert len(joins) == 3
    for number, start in enumerate(joins, 1):
        state = "document.querySelector('#joins').dataset.state"
        wait(ride, f"{state} === 'continuous' && eddyline.joins.at === {number - 1}")
        text = ride.locator("#joins").inner_text()
        assert f"Frame {start} follows frame {start - 1}: none is missing" in text
        if number < len(joins):
            ride.get_by_role("button", name="Next join").click()
    assert ride.locator("#joins canvas").first.evaluate("(canvas) => canvas.width") == 640
    assert_accessible(ride)
    screenshots(ride, "asset-joins")


def test_two_renditions_are_compared_locked_to_the_frame(ride: Any) -> None:
    ride.get_by_role("tab", name="Compare renditions").click()
    wait(ride, "document.querySelector('#compare').dataset.frame !== undefined")
    # What is drawn is recorded: both pictures of each drawing must have been kept under one number.
    ride.evaluate("""(() => {
      const { compare } = eddyline;
      globalThis.drawn = [];
      const draw = compare.draw.bind(compare);
      compare.draw = (left, right) => {
        const numberOf = (side, frame) => [...side.frames].find(([, each]) => each === frame)?.[0];
        globalThis.drawn.push([numberOf(compare.sides[0], left), numberOf(compare.sides[1], right)]);
        draw(left, right);
      };
    })()""")
    ride.locator("#compare .play").click()
    wait(ride, "new Set(drawn.map(([left]) => left)).size >= 20")
    ride.locator("#compare .play").click()
    drawn = ride.evaluate("drawn")
    assert all(left == right for left, right in drawn)
    at = ride.evaluate("eddyline.compare.number")
    ride.locator("#compare .forward").click()
    wait(ride, f"document.querySelector('#compare').dataset.frame === '{at + 1}'")
    ride.locator("#compare input[type=range]").focus()
    ride.keyboard.press("End")
    assert ride.evaluate("eddyline.compare.wipe") == 1
    ride.keyboard.press("Home")
    assert ride.evaluate("eddyline.compare.wipe") == 0
    ride.evaluate("eddyline.compare.setWipe(0.5)")
    screenshots(ride, "asset-compare", schemes=False)


def test_a_recording_that_is_not_packaged_plays_its_file(page: Any, site: Site) -> None:
    page.goto(f"/assets/{asset_of(site.out, PLAIN)}")
    wait(page, f"{VIDEO}?.readyState >= 2")
    page.evaluate(f"{VIDEO}.play()")
    wait(page, f"{VIDEO}.currentTime > 0.5")
    assert page.locator("#trip").is_hidden()
    assert page.locator("#telemetry").is_hidden()
    assert_accessible(page)
    screenshots(page, "asset-plain", schemes=False)


def test_an_asset_is_deleted_only_after_a_confirmation(ride: Any) -> None:
    requests: list[str] = []
    ride.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    ride.get_by_role("button", name="Delete").first.click()
    ride.get_by_role("button", name="Keep it").click()
    assert not [each for each in requests if each.startswith("DELETE")]
    ride.route(
        "**/api/v1/assets/*",
        lambda route: route.fulfill(status=204) if route.request.method == "DELETE" else route.continue_(),
    )
    ride.get_by_role("button", name="Delete").first.click()
    ride.get_by_role("button", name=f"Delete {RIDE}").click()
    ride.wait_for_url("**/")
    assert [each for each in requests if each.startswith("DELETE")]
