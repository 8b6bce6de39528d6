from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from eddyline.library.telemetry.array_cache import ArrayCache

VALUES = {"": np.arange(1000.0), "empty": np.array([], dtype=np.float32)}
BYTES = 8000


def test_a_group_is_read_as_it_was_stored(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path / "cache", max_bytes=10 * BYTES)
    assert cache.get("a", "g") is None
    cache.put("a", "g", {"rate": 2.5}, VALUES)
    cache.put("a", "g", {"rate": 9.9}, VALUES)  # another process stored it too
    found = cache.get("a", "g")
    assert found is not None
    assert found.facts == {"rate": 2.5}
    assert {name: values.tolist() for name, values in found.arrays.items()} == {
        name: values.tolist() for name, values in VALUES.items()
    }
    assert (tmp_path / "cache" / "a").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"facts":{}}', b'{"facts":{},"arrays":[["x",true]]}'])
def test_a_damaged_group_is_absent(tmp_path: Path, content: bytes) -> None:
    cache = ArrayCache(tmp_path, max_bytes=10 * BYTES)
    cache.put("a", "g", {}, {})
    (tmp_path / "a" / "g" / "facts.json").write_bytes(content)
    assert cache.get("a", "g") is None


def test_the_entries_that_were_used_least_recently_are_removed(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path, max_bytes=int(3.5 * BYTES))
    for number, entry in enumerate(("a", "b", "c")):
        cache.put(entry, "g", {}, VALUES)
        os.utime(tmp_path / entry, (number, number))
    assert cache.get("a", "g") is not None  # it is the most recent one now
    cache.put("d", "g", {}, VALUES)
    kept = {entry: cache.get(entry, "g") is not None for entry in "abcd"}
    assert kept == {"a": True, "b": False, "c": True, "d": True}


def test_arrays_that_were_opened_outlive_their_removal(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path, max_bytes=10 * BYTES)
    for entry in ("0123-x", "0123-y", "4567-x"):
        cache.put(entry, "g", {}, VALUES)
    found = cache.get("0123-x", "g")
    cache.remove("0123-")
    assert [each.name for each in tmp_path.iterdir()] == ["4567-x"]
    assert found is not None
    assert found.arrays[""].sum() == VALUES[""].sum()
