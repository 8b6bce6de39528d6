"""Who may call which route: one row for each route and method. A route that is missing here fails a test.

The columns are the statuses of clients (test_access.py creates them):

| column | client |
|---|---|
| none | without credentials |
| expired, revoked | with a token that was valid |
| other | with a token of another owner, with the scope write |
| read, write, admin | with a token of the owner |
| share | with the secret of a share link as token |

Every resource in a path exists and belongs to the owner "ann" (access_resources.py). A foreign resource gives
the same response as an absent one, byte for byte. The telemetry of these assets is invalid, hence 422.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COLUMNS = ("none", "expired", "revoked", "other", "read", "write", "admin", "share")


@dataclass(frozen=True, kw_only=True)
class Access:
    """The expected statuses of one route and method, in the order of `COLUMNS`."""

    method: str
    path: str
    statuses: tuple[int, ...]
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    foreign: bool = False
    """Whether the path names a resource of the owner, so that others get the response of an absent one."""


def row(method: str, path: str, statuses: str, **more: Any) -> Access:
    """A row whose statuses are written as text."""
    found = tuple(int(each) for each in statuses.split())
    assert len(found) == len(COLUMNS), f"{method} {path}"
    return Access(method=method, path=path, statuses=found, **more)


READ = {"scope": "read"}
NO: dict[str, object] = {}
# Headers of the tus protocol: its version, a part of a file, and a part by POST.
T = {"tus-resumable": "1.0.0"}
UPLOAD = {**T, "upload-length": "5", "upload-metadata": "filename R1gwMTAwMDEuTVA0"}
P = {**T, "upload-offset": "0", "content-type": "application/offset+octet-stream"}
POST = {**P, "x-http-method-override": "PATCH"}
WEBHOOK = {"url": "https://hooks.example.com/"}

# fmt: off
#                                                  none exp. rev. othr read writ adm. share
TABLE: tuple[Access, ...] = (
    # Public
    row("GET", "/login",                           "200 200 200 200 200 200 200 200"),
    row("POST", "/login",                          "401 401 401 401 401 401 401 401", body={"token": "x"}),
    row("POST", "/logout",                         "200 200 200 200 200 200 200 200"),
    row("GET", "/openapi.json",                    "200 200 200 200 200 200 200 200"),
    row("GET", "/static/{path}",                   "200 200 200 200 200 200 200 200"),
    row("GET", "/s/{secret}",                      "200 200 200 200 200 200 200 200"),
    row("GET", "/s/{secret}/files/{path}",         "200 200 200 200 200 200 200 200"),
    row("HEAD", "/s/{secret}/files/{path}",        "200 200 200 200 200 200 200 200"),
    row("HEAD", "/openapi.json",                   "200 200 200 200 200 200 200 200"),
    row("GET", "/healthz",                         "200 200 200 200 200 200 200 200"),
    row("GET", "/readyz",                          "200 200 200 200 200 200 200 200"),
    # Session and account
    row("GET", "/session",                         "401 401 401 204 204 204 204 401"),
    row("GET", "/account",                         "401 401 401 200 200 200 200 401"),
    row("GET", "/api/v1/tokens",                   "401 401 401 200 200 200 200 401"),
    row("POST", "/api/v1/tokens",                  "401 401 401 201 403 201 201 401", body=READ),
    row("DELETE", "/api/v1/tokens/{token}",        "401 401 401 404 403 204 204 401", foreign=True),
    # Share links
    row("GET", "/api/v1/shares",                   "401 401 401 200 200 200 200 401"),
    row("DELETE", "/api/v1/shares/{share}",        "401 401 401 404 403 204 204 401", foreign=True),
    row("GET", "/api/v1/assets/{asset}/shares",    "401 401 401 404 200 200 200 401", foreign=True),
    row("POST", "/api/v1/assets/{asset}/shares",   "401 401 401 404 403 201 201 401", foreign=True, body={}),
    # Assets
    row("GET", "/",                                "401 401 401 200 200 200 200 401"),
    row("GET", "/library/cards",                   "401 401 401 200 200 200 200 401"),
    row("GET", "/assets/{asset}",                  "401 401 401 404 200 200 200 401", foreign=True),
    row("GET", "/media/{asset}/{path}",            "401 401 401 404 200 200 200 401", foreign=True),
    row("HEAD", "/media/{asset}/{path}",           "401 401 401 404 200 200 200 401", foreign=True),
    row("GET", "/api/v1/assets/{asset}/telemetry", "401 401 401 404 422 422 422 401", foreign=True),
    row("GET", "/api/v1/assets/{asset}/telemetry/track", "401 401 401 404 422 422 422 401", foreign=True),
    row("GET", "/api/v1/assets/{asset}/telemetry/{stream}", "401 401 401 404 422 422 422 401", foreign=True),
    row("GET", "/api/v1/events",                   "401 401 401 200 200 200 200 401"),
    row("GET", "/api/v1/assets",                   "401 401 401 200 200 200 200 401"),
    row("POST", "/api/v1/assets",                  "401 401 401 422 403 422 422 401", body=NO),
    row("GET", "/api/v1/assets/{asset}",           "401 401 401 404 200 200 200 401", foreign=True),
    row("GET", "/api/v1/assets/{asset}/manifest",  "401 401 401 404 200 200 200 401", foreign=True),
    # Jobs: a published asset has no jobs that could be cancelled or retried
    row("GET", "/jobs",                            "401 401 401 200 200 200 200 401"),
    row("GET", "/assets/{asset}/jobs",             "401 401 401 404 200 200 200 401", foreign=True),
    row("GET", "/api/v1/assets/{asset}/cost",      "401 401 401 404 200 200 200 401", foreign=True),
    row("GET", "/api/v1/assets/{asset}/jobs",      "401 401 401 404 200 200 200 401", foreign=True),
    row("POST", "/api/v1/assets/{asset}/cancel",   "401 401 401 404 403 409 409 401", foreign=True),
    row("POST", "/api/v1/assets/{asset}/retry",    "401 401 401 404 403 409 409 401", foreign=True),
    row("DELETE", "/api/v1/assets/{asset}",        "401 401 401 404 403 202 202 401", foreign=True),
    row("GET", "/api/v1/jobs",                     "401 401 401 200 200 200 200 401"),
    row("GET", "/api/v1/jobs/{job}",               "401 401 401 404 200 200 200 401", foreign=True),
    row("POST", "/api/v1/jobs/{job}/cancel",       "401 401 401 404 403 200 200 401", foreign=True),
    row("POST", "/api/v1/jobs/{job}/retry",        "401 401 401 404 403 409 409 401", foreign=True),
    row("POST", "/api/v1/jobs/redrive",            "401 401 401 200 403 200 200 401"),
    row("GET", "/api/v1/assets/{asset}/redone",    "401 401 401 404 200 200 200 401", foreign=True),
    # Uploads
    row("GET", "/upload",                          "401 401 401 200 403 200 200 401"),
    row("GET", "/api/v1/uploads",                  "401 401 401 200 200 200 200 401"),
    row("POST", "/api/v1/uploads",                 "401 401 401 201 403 201 201 401", headers=UPLOAD),
    row("OPTIONS", "/api/v1/uploads",              "204 204 204 204 204 204 204 204"),
    row("OPTIONS", "/api/v1/uploads/{upload}",     "204 204 204 204 204 204 204 204"),
    row("POST", "/api/v1/uploads/lookup",          "401 401 401 422 422 422 422 401", body=NO),
    row("POST", "/api/v1/uploads/plan",            "401 401 401 422 422 422 422 401", body=NO),
    row("GET", "/api/v1/uploads/{upload}",         "401 401 401 404 200 200 200 401", foreign=True),
    row("HEAD", "/api/v1/uploads/{upload}",       "401 401 401 404 200 200 200 401", foreign=True, headers=T),
    row("PATCH", "/api/v1/uploads/{upload}",      "401 401 401 404 403 204 204 401", foreign=True, headers=P),
    row("DELETE", "/api/v1/uploads/{upload}",     "401 401 401 404 403 204 204 401", foreign=True, headers=T),
    row("POST", "/api/v1/uploads/{upload}",    "401 401 401 404 403 204 204 401", foreign=True, headers=POST),
    row("POST", "/api/v1/uploads/{upload}/submit", "401 401 401 404 403 200 200 401", foreign=True),
    # Webhooks
    row("GET", "/webhooks",                        "401 401 401 200 403 200 200 401"),
    row("GET", "/api/v1/webhooks",                 "401 401 401 200 403 200 200 401"),
    row("POST", "/api/v1/webhooks",                "401 401 401 201 403 201 201 401", body=WEBHOOK),
    row("GET", "/api/v1/webhooks/{webhook}",       "401 401 401 404 403 200 200 401", foreign=True),
    row("PATCH", "/api/v1/webhooks/{webhook}",     "401 401 401 404 403 200 200 401", foreign=True, body={}),
    row("DELETE", "/api/v1/webhooks/{webhook}",    "401 401 401 404 403 204 204 401", foreign=True),
    row("GET", "/api/v1/webhooks/{webhook}/deliveries", "401 401 401 404 403 200 200 401", foreign=True),
    row("POST", "/api/v1/webhooks/{webhook}/replay","401 401 401 404 403 200 200 401", foreign=True, body=NO),
    # What all owners share
    row("GET", "/api/v1/profiles",                 "401 401 401 200 200 200 200 401"),
    row("GET", "/api/v1/profiles/{profile}",       "401 401 401 200 200 200 200 401"),
    # Administrators
    row("GET", "/fleet",                           "401 401 401 403 403 403 200 401"),
    row("GET", "/metrics",                         "401 401 401 403 403 403 200 401"),
    # This server has no worker; only one without tokens kills its worker.
    row("GET", "/api/v1/local-worker",             "401 401 401 403 403 403 404 401"),
    row("POST", "/api/v1/local-worker/kill",       "401 401 401 403 403 403 403 401"),
    row("GET", "/api/v1/workers",                  "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/capacity",           "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/costs",              "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/drains",             "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/interruptions",      "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/machines",           "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/running",            "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/savings",            "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/simulation",         "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/summary",            "401 401 401 403 403 403 200 401"),
    row("GET", "/api/v1/fleet/survival",           "401 401 401 403 403 403 200 401"),
)
# fmt: on
