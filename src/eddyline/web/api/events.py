"""Events as a stream (server-sent events)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from eddyline.web.auth.dependencies import Reader
from eddyline.web.event_response import EventStreamResponse
from eddyline.web.event_streams import MAX_STREAMS, EventStreams
from eddyline.web.problems import Problem

router = APIRouter(tags=["events"])
_MAX_DIGITS = 18


@router.get("/events", response_class=Response)
def events(
    request: Request,
    principal: Reader,
    after: Annotated[
        str, Query(description="Start after this sequence; without it, with the next event.")
    ] = "",
    last_event_id: Annotated[
        str, Header(description="The id of the last event that the client received; it overrides `after`.")
    ] = "",
) -> Response:
    """Stream what happens to assets, as `text/event-stream`.

    `id` is the event's sequence, `event` its kind, `data` JSON with sequence, at (seconds since 1970), kind,
    asset and body. After a lost connection the client sends the id of its last event and misses nothing. If
    events that it missed were deleted meanwhile, it receives the event `reset`, and has to read the state of
    assets again. Comments are sent every 15 s; a stream
    whose token was revoked or has expired ends then.
    """
    streams = cast("EventStreams", request.app.state.streams)
    if streams.closed or len(streams) >= MAX_STREAMS:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the server accepts no further event streams",
            remedy="connect again in some seconds; use one stream for each browser",
            headers={"Retry-After": "5"},
        )
    return EventStreamResponse(
        streams, owner=principal.sees, after=_sequence(last_event_id or after), token=principal.token
    )


def _sequence(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "the id of the last event is not a sequence",
            remedy="send the id of an event of this stream, or none",
        )
    return int(text)
