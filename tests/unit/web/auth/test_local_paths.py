from __future__ import annotations

import pytest
from fastapi import Request

from eddyline.web.auth.local_paths import is_page, local_path, login_path


@pytest.mark.parametrize(
    "path", ["/", "/jobs", "/assets/0123456789abcdef?t=12#x", "/fleet?from=1&to=2", "/a//b"]
)
def test_paths_of_this_site_are_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "target",
    [
        "", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
        "javascript:alert(1)", "/\t/evil.example", "\t//evil.example", "/\n/evil.example", " //evil.example",
        "/%0d%0aSet-Cookie:x\r\n", "evil.example", "@evil.example", "/a\\b", "/login", "/login?next=//evil",
        "/" + "a" * 3000, "/a b",
    ],
)  # fmt: skip
def test_other_targets_become_the_first_page(target: str) -> None:
    assert local_path(target) == "/"


def request_for(path: str, *, method: str = "GET", query: str = "", accept: str = "text/html") -> Request:
    return Request(
        {
            "type": "http", "method": method, "path": path, "query_string": query.encode(),
            "headers": [(b"accept", accept.encode()), (b"host", b"testserver")], "scheme": "http",
        }
    )  # fmt: skip


def test_the_login_page_gets_the_page_that_was_requested() -> None:
    assert login_path(request_for("/fleet", query="from=1&to=2")) == "/login?next=/fleet%3Ffrom%3D1%26to%3D2"
    assert login_path(request_for("/")) == "/login"
    assert login_path(request_for("//evil.example/")) == "/login"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (request_for("/jobs"), True),
        (request_for("/jobs", method="POST"), False),
        (request_for("/jobs", accept="application/json"), False),
        (request_for("/api/v1/assets"), False),
        (request_for("/media/0123456789abcdef/poster.jpg"), False),
    ],
)
def test_only_navigation_to_pages_is_redirected(request_: Request, *, expected: bool) -> None:
    assert is_page(request_) is expected
