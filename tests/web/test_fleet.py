"""The Spot dashboard in Chromium: demo data draw, tables equal the CSV, accessibility."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.unit.app.fleet.simulation_file import interval, policy, write_simulation
from tests.unit.web.live_server import serving
from tests.unit.web.web_app import open_services

from eddyline.app.fleet.demo import write_demo
from eddyline.graph.machine import Machine

pytestmark = pytest.mark.slow
WORKER = "cpu@host:1-aaaaaa"
CHARTS = ("rates", "running", "share", "savings", "capacity", "survival")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, float]]:
    """The address of a server with a demonstration, and the time at which that ends."""
    root = tmp_path_factory.mktemp("fleet")
    services = open_services(root)
    outside = policy("naive", label="Spot, one pool", spot_share=interval(0.01))
    write_simulation(root / ".eddyline" / "simulation.json", policy("eddyline"), outside)
    result = write_demo(services.ledger, seed=1, days=1, trace=None)
    machine = Machine(pool="cpu", instance="i-0123456789abcdef0", lifecycle="spot", vcpu=4, slots=2)
    services.ledger.register(WORKER, "=host", 7, machine=machine)
    with serving(services) as server:
        yield f"http://127.0.0.1:{server.port}", result.stop
    services.ledger.close()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
def test_the_demonstration_draws_and_its_table_equals_the_csv(
    browser: Any, site: tuple[str, float], width: int, scheme: str
) -> None:
    url, stop = site
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(url) else errors.append(request.url))
    span = "from=2023-11-14T00:00:00Z&to=2023-11-14T22:00:00Z"
    page.goto(f"{url}/fleet?{span}&by=pool")
    page.locator("#survival .u-wrap canvas").wait_for(timeout=60_000)
    assert page.locator(".u-wrap canvas").count() == len(CHARTS)
    assert page.inner_text("#demonstration").startswith("Demonstration data: 1 days")
    for chart in CHARTS:
        assert page.get_attribute(f"#{chart} .plot", "role") == "img"
        assert ":" in page.get_attribute(f"#{chart} .plot", "aria-label") or chart == "capacity"
    page.click("#rates summary")
    rows = page.locator("#rates tbody tr").all_inner_texts()
    link = page.get_attribute("#rates .csv", "href")
    found = list(csv.reader(io.StringIO(httpx2.get(url + link).text)))[1:]
    assert len(rows) == len(found) > 20
    for row, expected in zip(rows, found, strict=True):
        cells = row.split("\t")
        assert cells[0] == expected[0]
        assert float(cells[2]) == pytest.approx(float(expected[2]), rel=1e-5, abs=1e-9)
        assert int(cells[3]) == int(expected[3])
    (worker,) = page.locator("#workers tbody tr").all_inner_texts()
    assert worker.split("\t")[:4] == [WORKER, "idle", "cpu", "i-0123456789abcdef0"]
    assert page.inner_text("#worker-count") == "1 live, 0 of them draining; 0 jobs on 2 slots."
    assert page.inner_text("#simulation-about").startswith("Simulation “calm”, of 2026-11-30")
    simulated = page.locator("#simulation-table tbody tr").all_inner_texts()
    assert [each.split("\t")[0] for each in simulated] == ["measured", "Eddyline, eddyline", "Spot, one pool"]
    assert "measured is above the interval" in simulated[2].split("\t")[2]
    page.select_option("#costs-by", "kind")
    page.click("#costs-show")
    page.locator("#costs-table tbody tr").first.wait_for()
    costs = httpx2.get(url + page.get_attribute("#costs-csv", "href")).text
    shown = page.locator("#costs-table tbody th").all_inner_texts()
    assert shown == [*(row["group"] for row in csv.DictReader(io.StringIO(costs))), "all"]
    assert "instances: list $" in page.inner_text("#costs-notes")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    violations = axe.run(page).response["violations"]
    assert [each["id"] for each in violations if each["impact"] in {"serious", "critical"}] == []
    assert errors == []
    context.close()
    assert stop > 0
