"""Exports telemetry to other formats.

    from eddyline.gpmf import export

    export.save(telemetry, Path("trip.gpx"))
    export.save(telemetry, Path("tables"), "csv", export.Selection(streams=("ACCL", "GPS5"), rate_hz=50))
    export.write_side_files(telemetry, Path("asset/telemetry"))

| format | contents | requires |
|---|---|---|
| json, csv, parquet | every stream | parquet: the extra [parquet] |
| gpx, geojson, kml, fit, svg | the GPS track and HiLights | a GPS fix; fit: UTC |
| highlights | the HiLights | - |

The names in `__all__` are imported on first use: a process writes one or two of the formats.
"""

from typing import TYPE_CHECKING

from eddyline.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from eddyline.gpmf.export.formats import FORMATS, Format, format_named, format_of, save, write
    from eddyline.gpmf.export.highlights import highlights_document
    from eddyline.gpmf.export.json_document import json_schema
    from eddyline.gpmf.export.points import NoTrackError, Points, build_points
    from eddyline.gpmf.export.selection import Selection
    from eddyline.gpmf.export.side_files import write_side_files
    from eddyline.gpmf.export.tables import Column, Table, build_tables

__all__ = [
    "FORMATS",
    "Column",
    "Format",
    "NoTrackError",
    "Points",
    "Selection",
    "Table",
    "build_points",
    "build_tables",
    "format_named",
    "format_of",
    "highlights_document",
    "json_schema",
    "save",
    "write",
    "write_side_files",
]

__getattr__ = lazy_names(
    globals(),
    {
        "eddyline.gpmf.export.formats": "FORMATS Format format_named format_of save write",
        "eddyline.gpmf.export.highlights": "highlights_document",
        "eddyline.gpmf.export.json_document": "json_schema",
        "eddyline.gpmf.export.points": "NoTrackError Points build_points",
        "eddyline.gpmf.export.selection": "Selection",
        "eddyline.gpmf.export.side_files": "write_side_files",
        "eddyline.gpmf.export.tables": "Column Table build_tables",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
