"""The JavaScript modules that all pages share, in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.browser import Watch


@pytest.fixture
def blank(page: Any) -> Any:
    """A page of the site without scripts, into which modules can be imported."""
    html = "<!doctype html><title>blank</title><link rel='icon' href='/static/icon.svg'>"
    page.route("**/blank", lambda route: route.fulfill(status=200, content_type="text/html", body=html))
    page.goto("/blank")
    return page


def _values(page: Any, module: str, expressions: str) -> Any:
    return page.evaluate(f"import('/static/{module}').then((m) => [{expressions}])")


def test_sizes_and_times_are_spelled_as_by_the_command_line(blank: Any) -> None:
    sizes = _values(blank, "format.js", "m.bytes(512), m.bytes(1234), m.bytes(38e6), m.bytes(2.5e12)")
    assert sizes == ["512 B", "1.2 kB", "38 MB", "2.5 TB"]
    times = _values(
        blank, "format.js", "m.clock(8.9), m.clock(185), m.clock(3723), m.preciseClock(8.3412), m.clock(-1)"
    )
    assert times == ["0:08", "3:05", "1:02:03", "0:08.341", "0:00"]


def test_quantities_follow_the_units_that_the_reader_chose(blank: Any) -> None:
    metric = _values(blank, "format.js", "m.quantity('speed', 10, 'metric'), m.quantity('altitude', -3.4)")
    assert metric == ["36.0 km/h", "−3 m"]  # noqa: RUF001 - a minus sign
    imperial = _values(blank, "format.js", "m.quantity('speed', 10, 'imperial'), m.quantity('speed', null)")
    assert imperial == ["22.4 mph", "–"]  # noqa: RUF001 - a dash


def test_an_event_stream_is_split_into_events(blank: Any) -> None:
    events = blank.evaluate("""import('/static/event_stream.js').then(({ Parser }) => {
      const found = [];
      const parser = new Parser((fields) => found.push(fields));
      const texts = [": ping\\n\\nid: 7\\nev", 'ent: asset.ready\\ndata: {"a":1}\\r', "\\ndata: 2\\n", "\\n"];
      texts.forEach((text) => parser.push(text));
      return found;
    })""")
    assert events == [{"id": "7", "event": "asset.ready", "data": '{"a":1}\n2'}]


def test_a_lost_stream_continues_after_the_last_event(blank: Any) -> None:
    """The first connection breaks after event 5; the second must ask for what follows it, and repeats 5."""
    requests: list[str] = []

    def answer(route: Any) -> None:
        requests.append(route.request.headers.get("last-event-id", ""))
        first = 4 if len(requests) == 1 else 5
        body = "".join(
            f'id: {n}\nevent: asset.progress\ndata: {{"kind": "asset.progress"}}\n\n'
            for n in range(first, first + 2)
        )
        route.fulfill(status=200, headers={"content-type": "text/event-stream"}, body=body)

    blank.route("**/api/v1/events", answer)
    seen = blank.evaluate("""import('/static/event_stream.js').then((m) => new Promise((resolve) => {
      const seen = [];
      const stream = new m.EventStream("/api/v1/events", {
        onState: () => {},
        onEvent: (event) => {
          seen.push(event.sequence);
          if (event.sequence === 6) { stream.stop(); resolve(seen); }
        },
      });
      stream.start(3);
    }))""")
    assert seen == [4, 5, 6]
    assert requests[:2] == ["3", "5"]


def test_an_error_of_the_api_says_what_to_do(blank: Any, watch: Watch) -> None:
    watch.allowed.append("status of 409")
    blank.route(
        "**/api/v1/assets",
        lambda route: route.fulfill(
            status=409, json={"detail": "the asset is being deleted", "remedy": "wait"}
        ),
    )
    sentence = blank.evaluate("""import('/static/api.js').then(({ api }) =>
      api("/assets", { json: {} }).catch((error) => [error.name, error.status, error.sentence]))""")
    assert sentence == ["Problem", 409, "The asset is being deleted: wait"]
