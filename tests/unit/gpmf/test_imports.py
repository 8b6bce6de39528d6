"""Reading telemetry imports only what it needs: imports take most of the time of a short process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eddyline import gpmf
from eddyline.gpmf import export
from eddyline.gpmf.export import (
    csv_table,
    fit,
    geojson,
    gpx,
    highlights,
    json_document,
    kml,
    parquet,
    svg_map,
)

WRITERS = {
    "csv": csv_table.write_csv,
    "fit": fit.write_fit,
    "geojson": geojson.write_geojson,
    "gpx": gpx.write_gpx,
    "highlights": highlights.write_highlights,
    "json": json_document.write_json,
    "kml": kml.write_kml,
    "parquet": parquet.write_parquet,
    "svg": svg_map.write_svg,
}

_READ = """
import os, sys
from eddyline import gpmf
telemetry = gpmf.read(sys.argv[1])
assert telemetry.streams["ACCL"].values.shape == (2, 3)
if len(sys.argv) > 2:
    from eddyline.gpmf import export
    from pathlib import Path
    export.save(telemetry, Path(sys.argv[2]), "json")
print(os.environ["OPENBLAS_NUM_THREADS"], *sys.modules)
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    stream = gpmf.stream("ACCL", "s", [[1, 2, 3], [4, 5, 6]], scale=[418])
    path = tmp_path / "short.gpmf"
    path.write_bytes(gpmf.serialize([gpmf.device(1, "Camera", [stream])]))
    return path


def _run(*args: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    return subprocess.run(
        (sys.executable, "-c", _READ, *args), check=True, capture_output=True, text=True, env=environment
    ).stdout.split()


def test_reading_imports_only_what_it_needs(recording: Path) -> None:
    threads, *loaded = _run(str(recording))
    assert threads == "1", "the threads of OpenBLAS would wait busily"
    slow = {"concurrent.futures", "logging", "pathlib", "urllib.parse", "fractions", "uuid", "json"}
    unused = {f"eddyline.gpmf.{name}" for name in ("track", "utc", "scenes", "export", "format.builder")}
    assert not (slow | unused | {"eddyline.mp4.index", "eddyline.gpmf.format.huffman"}) & set(loaded)


def test_an_export_imports_only_its_format(recording: Path, tmp_path: Path) -> None:
    loaded = set(_run(str(recording), str(tmp_path / "out.json")))
    others = {f"eddyline.gpmf.export.{name}" for name in ("gpx", "kml", "fit", "svg_map", "parquet")}
    assert not ({"xml.sax", "urllib.request", "http.client", "gzip"} | others) & loaded


@pytest.mark.parametrize("package", [gpmf, export])
def test_every_public_name_exists(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert set(names) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in names)
    with pytest.raises(AttributeError, match="missing"):
        package.missing  # type: ignore[attr-defined]  # noqa: B018 - the lookup raises


def test_the_table_of_formats_names_the_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    for name, writer in WRITERS.items():
        monkeypatch.setattr(
            f"{writer.__module__}.{writer.__name__}", lambda *_, name=name: written.append(name)
        )
    nothing: Any = None
    for found in export.FORMATS.values():
        if found.write_recording is not None:
            found.write_recording(nothing, nothing, nothing)
        elif found.write_stream is not None:
            found.write_stream(nothing, nothing)
    assert written == list(export.FORMATS)
