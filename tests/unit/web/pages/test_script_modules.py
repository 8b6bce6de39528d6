from __future__ import annotations

import re

import pytest

from eddyline.web.pages.script_modules import STATIC, imported_by, script

SOURCES = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js") if "vendor" not in path.parts)


def test_all_modules_that_a_script_imports_are_loaded_at_once() -> None:
    found = imported_by("jobs/asset.js")
    assert found[0] == "api.js"
    assert {"jobs/strip.js", "jobs/timeline.js"} <= set(found)
    assert "jobs/paint.js" in found, "an import of an import"
    assert len(set(found)) == len(found)
    assert "events.js" not in found, "it is imported when it is needed"
    html = script("jobs/asset.js")
    assert html.count("modulepreload") == len(found)
    assert html.endswith('<script type="module" src="/static/jobs/asset.js"></script>')


def test_a_module_without_imports_is_a_script_alone() -> None:
    assert script("format.js") == '<script type="module" src="/static/format.js"></script>'


@pytest.mark.parametrize("path", SOURCES)
def test_every_import_is_found_and_names_a_module(path: str) -> None:
    text = (STATIC / path).read_text("utf-8")
    written = set(re.findall(r'\bfrom "/static/([^"]+)"', text))
    found = imported_by(path)
    assert written <= set(found)
    assert [each for each in found if not each.startswith("vendor/") and each not in SOURCES] == []
