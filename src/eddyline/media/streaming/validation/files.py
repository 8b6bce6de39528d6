"""The files of a stream: in a directory, or on web servers."""

from __future__ import annotations

import posixpath
import stat
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import unquote, urljoin, urlsplit

from eddyline.core.errors import EddylineError, InputError, MissingError, UsageError
from eddyline.store.addresses import WEB_SCHEMES
from eddyline.store.ranges import FileRanges, Ranges

_MAX_URI = 8192
_MAX_FILES, _MAX_BYTES = 20_000, 4 * 1024**3  # read from servers in one validation


class OutsideError(EddylineError):
    """A reference that leads out of the stream; it is not followed."""


class BudgetError(EddylineError):
    """The stream needs more files or bytes than a validation reads from servers."""

    default_remedy = "pass a smaller --segments, or download the stream and validate the directory"


class StreamFiles(Protocol):
    """Files by name. `sizes_are_cheap`: whether asking for a size reads nothing."""

    sizes_are_cheap: bool

    def resolve(self, base: str, uri: str) -> str:
        """The name of the file that the file `base` references. Raises `OutsideError`."""
        ...

    def open(self, name: str) -> Ranges:
        """Open a file; the caller closes it. Raises `MissingError`, `OutsideError`, `BudgetError`."""
        ...

    def size(self, name: str) -> int:
        """The size of a file in bytes. Raises as `open` does."""
        ...


class LocalFiles:
    """Files below a directory; names are relative paths."""

    sizes_are_cheap = True

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._parents: dict[str, Path] = {}  # resolved directories

    def resolve(self, base: str, uri: str) -> str:
        """The relative path of a reference."""
        try:
            parts = urlsplit(uri[:_MAX_URI])
        except ValueError as error:
            raise OutsideError(f"{uri[:80]} is not a URI") from error
        if parts.scheme or parts.netloc:
            raise OutsideError(f"{uri[:80]} is on another server: it is not read")
        path = unquote(parts.path)
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
        if path.startswith("/") or name.split("/")[0] == ".." or "\0" in name:
            raise OutsideError(f"{uri[:80]} leads out of the directory")
        if not path or name == ".":
            raise OutsideError(f"{uri[:80]!r} does not name a file")
        return name

    def open(self, name: str) -> Ranges:
        """Open a file of the directory."""
        try:
            return FileRanges(self._path(name))
        except InputError as error:  # a directory or device
            raise MissingError(f"{name} is not a file") from error

    def size(self, name: str) -> int:
        """The size of a file of the directory."""
        try:
            found = self._path(name).stat()
        except OSError as error:
            raise MissingError(f"{name} does not exist") from error
        if not stat.S_ISREG(found.st_mode):
            raise MissingError(f"{name} is not a file")
        return found.st_size

    def _path(self, name: str) -> Path:
        """The path; a symbolic link must not lead out of the directory."""
        parent = posixpath.dirname(name)
        if parent not in self._parents:
            self._parents[parent] = _resolved(self._root / parent)
        path = self._parents[parent] / posixpath.basename(name)
        if path.is_symlink():
            path = _resolved(path)
        if not path.is_relative_to(self._root):
            raise OutsideError(f"{name} is a link that leads out of the directory")
        return path


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise MissingError(f"{path.name} does not exist") from error


class WebFiles:
    """Files on web servers; names are URLs.

    The server of the first URL may have any address: the user chose it. Those that its playlists name must
    have public addresses.
    """

    sizes_are_cheap = False

    def __init__(self, url: str, *, max_files: int = _MAX_FILES, max_bytes: int = _MAX_BYTES) -> None:
        """Raises `UsageError` for an invalid URL."""
        # Imported here: only this needs the network, and `eddyline run` imports this module.
        from eddyline.store.http_ranges import parse_url  # noqa: PLC0415 - as above
        from eddyline.store.public_http import PublicConnections  # noqa: PLC0415 - the same

        parts = parse_url(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        self._connections = PublicConnections(exempt=frozenset({f"{parts.hostname}:{port}"}))
        self._files, self._bytes = max_files, max_bytes

    def resolve(self, base: str, uri: str) -> str:
        """The URL of a reference."""
        try:
            url = urljoin(base, uri[:_MAX_URI])
            scheme = urlsplit(url).scheme
        except ValueError as error:
            raise OutsideError(f"{uri[:80]} is not a URI") from error
        if scheme not in WEB_SCHEMES:
            raise OutsideError(f"{uri[:80]} is not an address of the web")
        return url

    def open(self, name: str) -> Ranges:
        """Open a file by its URL."""
        from eddyline.store.http_ranges import HttpRanges  # noqa: PLC0415 - as in the constructor
        from eddyline.store.public_http import ForbiddenAddressError  # noqa: PLC0415 - the same

        self._files -= 1
        if self._files < 0 or self._bytes < 0:
            raise BudgetError("the stream has more files or bytes than a validation reads from servers")
        try:
            opened = HttpRanges(name, connect=self._connections.open)
        except ForbiddenAddressError as error:
            raise OutsideError(error.message) from error
        except UsageError as error:
            raise MissingError(error.message) from error
        return _Counted(opened, self)

    def size(self, name: str) -> int:
        """The size of the file at a URL, which costs a request."""
        with self.open(name) as opened:
            return opened.size

    def count(self, size: int) -> None:
        """Count bytes that are read. Raises `BudgetError` beyond the limit."""
        self._bytes -= size
        if self._bytes < 0:
            raise BudgetError("the stream has more bytes than a validation reads from servers")


class _Counted:
    """A web file whose bytes are counted before they are read."""

    def __init__(self, opened: Ranges, files: WebFiles) -> None:
        self._opened, self._files = opened, files
        self.bytes_read = 0
        self.requests = 0

    @property
    def size(self) -> int:
        return self._opened.size

    def read(self, offset: int, length: int) -> bytes:
        self._files.count(length)
        return self._opened.read(offset, length)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
