"""Source files: where they are stored, and whether they have changed since they were submitted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from eddyline.core.errors import FormatError, InputError, MissingError, UsageError
from eddyline.core.formatting import short_repr
from eddyline.core.identity import canonical
from eddyline.core.name_rules import is_asset
from eddyline.pipeline.planning.output_layout import STATE
from eddyline.store.addresses import parse
from eddyline.store.open_source import open_object
from eddyline.store.ranges import FileRanges, Ranges
from eddyline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """The address of a source, and its size and version when it was submitted.

    `address` is an absolute path of this machine, or s3://, gs:// or az://bucket/key. `stamp` changes when
    the source does: the modification time of a file in ns, the store's tag of an object.
    """

    address: str
    size: int
    stamp: str

    @classmethod
    def current(cls, address: str | Path) -> SourceFile:
        """The source as it is now. Raises `MissingError`; `UsageError` for an unreachable bucket."""
        place = parse(str(address))
        if place.local:
            return _stat(place.folder.absolute())
        with open_object(str(address)) as src:
            return cls(address=str(place), size=src.size, stamp=src.stamp or "")

    @property
    def name(self) -> str:
        """The source's file name."""
        return PurePosixPath(self.address).name

    @property
    def path(self) -> Path | None:
        """The local file; None for an object of a store."""
        place = parse(self.address)
        return place.folder if place.local else None

    def check(self) -> None:
        """Raise `MissingError` or `InputError` unless the source still exists, unchanged."""
        self.open().close()

    def open(self) -> Ranges:
        """Open the source for range reads. Raises as `check` does; close it after use."""
        path = self.path
        if path is not None:
            self._require_unchanged(_stat(path))
            return FileRanges(path)
        src = open_object(self.address)
        self._require_unchanged(SourceFile(address=self.address, size=src.size, stamp=src.stamp or ""))
        return src

    def _require_unchanged(self, now: SourceFile) -> None:
        if now != self:
            raise InputError(
                f"{self.address} has changed since it was submitted",
                remedy="run the command again once nothing writes to it any more",
                reason="changed",
            )


def _stat(path: Path) -> SourceFile:
    try:
        stat = path.stat()
    except OSError as error:
        raise MissingError(
            f"cannot read {path}: {error.strerror}", remedy="check the path, and that the card is mounted"
        ) from error
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            "the path is not Unicode, so neither the ledger nor a manifest can hold it",
            remedy="rename the file, or the directory whose name is not Unicode",
            reason="path",
        ) from error
    return SourceFile(address=str(path), size=stat.st_size, stamp=str(stat.st_mtime_ns))


@dataclass(frozen=True, kw_only=True)
class ChapterFile:
    """One of several files that are one recording, and its fingerprint (hex)."""

    original: SourceFile
    fingerprint: str


class SourceRegistry:
    """Records in the store where each asset's source is; the same source may move between two runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, asset: str, original: SourceFile, chapters: Sequence[ChapterFile] = ()) -> None:
        """Record (or correct) where the source is; of a recording in chapters, all of them, in order."""
        record: dict[str, Any] = asdict(original)
        if chapters:
            record["chapters"] = [
                {**asdict(chapter.original), "fingerprint": chapter.fingerprint} for chapter in chapters
            ]
        self._store.put_bytes(_key(asset), canonical(record))

    @staticmethod
    def key(asset: str) -> str:
        """The key of an asset's record. Raises `UsageError` for an invalid id."""
        return _key(asset)

    def find(self, asset: str) -> SourceFile:
        """The recorded source; of a recording in chapters, the first file. Raises `MissingError`."""
        return _parse_source_file(self._read(asset))

    def chapters(self, asset: str) -> tuple[ChapterFile, ...]:
        """The chapters, in order; empty if the source is one file. Raises `MissingError`."""
        return tuple(
            ChapterFile(original=_parse_source_file(values), fingerprint=values["fingerprint"])
            for values in self._read(asset).get("chapters", ())
        )

    def _read(self, asset: str) -> dict[str, Any]:
        data = self._store.get(_key(asset))
        try:
            record = json.loads(data)
            for each in (record, *record.get("chapters", ())):
                _parse_source_file(each)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise FormatError(
                f"the source record of asset {asset} cannot be read",
                remedy="submit the source again; check what else writes to the media store",
            ) from error
        return dict(record)


def _key(asset: str) -> str:
    if not is_asset(asset):
        raise UsageError(
            f"{short_repr(asset)} is not the id of an asset", remedy="pass an id of 16 hexadecimal digits"
        )
    return f"{STATE}/sources/{asset}.json"


def _parse_source_file(values: dict[str, Any]) -> SourceFile:
    """The source file of a record; raises `TypeError` or `LookupError` for an invalid one."""
    if "path" in values:  # written before sources could be objects of a store
        values = {"address": values["path"], "size": values["size"], "stamp": str(values["mtime_ns"])}
    address, size, stamp = values["address"], values["size"], values["stamp"]
    if not isinstance(address, str) or not isinstance(stamp, str) or type(size) is not int or size < 0:
        raise TypeError("invalid address, size or stamp")
    return SourceFile(address=address, size=size, stamp=stamp)
