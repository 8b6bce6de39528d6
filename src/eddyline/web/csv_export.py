"""Lists as CSV (RFC 4180), safe to open in a spreadsheet: no cell of text is run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fastapi import Request
from fastapi.responses import StreamingResponse

from eddyline.core.csv_cells import cell

_ROWS = 500


def wants_csv(request: Request, form: str) -> bool:
    """Whether the client asks for CSV: by `?format=csv`, or by Accept and no `format`."""
    if form:
        return form == "csv"
    accepted = [each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")]
    return "text/csv" in accepted and "application/json" not in accepted


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]
) -> StreamingResponse:
    """The rows as a file `name`.csv with these columns; it is written while rows are read."""
    return StreamingResponse(
        csv_text(columns, rows),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "private, no-store",
        },
    )


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The lines of the file, several at once."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for number, row in enumerate(rows, 1):
        writer.writerow([cell(row.get(column)) for column in columns])
        if number % _ROWS == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
