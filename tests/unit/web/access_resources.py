"""The resources that the paths of the access table name: of the owner "ann", new ones for each request."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from tests.unit.web.published_asset import publish

from eddyline.graph.job import NewJob
from eddyline.library.shares import Shares
from eddyline.library.tokens import Tokens
from eddyline.library.uploads.upload import NewUpload
from eddyline.library.webhooks.webhooks import Webhooks
from eddyline.web.services import Services
from eddyline.web.upload_services import open_uploads

OWNER = "ann"
FILE = "stream/720p/00001.m4s"
ABSENT = {
    "asset": "f" * 16,
    "token": "ffffffffffff",
    "share": "ffffffffffff",
    "secret": "f" * 22,
    "path": FILE,
    "stream": "GPS5",
    "upload": "f" * 32,
    "webhook": "ffffffffffff",
    "job": "f" * 16 + ".ffffffff.inspect",
}


class Resources:
    """Creates resources by the name of a path's parameter; add one here for a new parameter."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._numbers = count(1)
        self._makers: dict[str, Callable[[], str]] = {
            "asset": self._asset,
            "token": self._token,
            "share": lambda: self._share()[0],
            "secret": lambda: self._share()[1],
            "path": lambda: FILE,
            "stream": lambda: "GPS5",
            "profile": lambda: "fast",
            "upload": self._upload,
            "webhook": self._webhook,
            "job": self._job,
        }

    def make(self, parameter: str) -> str:
        """A value for a parameter of a path. Raises `KeyError` for an unknown one."""
        return self._makers[parameter]()

    def _asset(self) -> str:
        return publish(self._services, asset=f"{next(self._numbers):016x}", owner=OWNER)

    def _token(self) -> str:
        tokens = Tokens(self._services.ledger)
        return tokens.create(owner=OWNER, scope="read").token.id

    def _upload(self) -> str:
        new = NewUpload(owner=OWNER, name="GX010001.MP4", length=5)
        return open_uploads(self._services).create(new).id

    def _webhook(self) -> str:
        webhooks = Webhooks(self._services.ledger)
        for each in webhooks.list(OWNER):  # an owner has few
            webhooks.delete(each.id)
        return webhooks.create(OWNER, "https://hooks.example.com/", [], all_owners=False).id

    def _job(self) -> str:
        asset = f"{next(self._numbers):016x}"
        job = NewJob(id=f"{asset}.abcd1234.inspect", asset=asset, kind="inspect", spec={}, owner=OWNER)
        self._services.ledger.submit([job])
        return job.id

    def _share(self) -> tuple[str, str]:
        created = Shares(self._services.ledger).create(asset=self._asset(), owner=OWNER)
        return created.share.id, created.secret
