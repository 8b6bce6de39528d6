"""Uploads by the tus protocol 1.0: create, send, continue, cancel.

Handlers receive the body only after the principal was authenticated: a request without a valid token changes
nothing. The address of a new upload is a path, so that no header of a proxy decides where bytes are sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from eddyline.library.uploads.upload import parse_new_upload
from eddyline.library.uploads.uploads import require_not_failed
from eddyline.web.auth.dependencies import Reader, Writer
from eddyline.web.auth.principal import Principal
from eddyline.web.problems import MEDIA_TYPE, Problem
from eddyline.web.tus import protocol
from eddyline.web.tus.drain import drain
from eddyline.web.tus.receiver import Receiver
from eddyline.web.upload_services import WithReceiver

router = APIRouter(tags=["uploads"])

_PATH = "/uploads/{upload}"
_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request violates the protocol."},
    404: {"description": "The upload does not exist, or has expired."},
    409: {"description": "The upload continues at another offset (header Upload-Offset)."},
    410: {"description": "The upload failed; its bytes are deleted."},
    412: {"description": "The client speaks another version of the protocol."},
    413: {"description": "The file is larger than one may be, or than its declared length."},
    415: {"description": "The file is not a video, or the body has the wrong media type."},
    421: {"description": "The bytes of the upload are on another server."},
    423: {"description": "Another request is sending this upload."},
    429: {"description": "The owner has too many unfinished uploads."},
    460: {"description": "The body does not match its checksum."},
    507: {"description": "The owner's quota or the disk is full."},
}


@router.options("/uploads", status_code=204)
@router.options(_PATH, status_code=204, include_in_schema=False)
def describe_protocol(receiver: WithReceiver) -> Response:
    """The version, the extensions and the limits of this server. Public."""
    return Response(
        status_code=204,
        headers=protocol.common_headers(
            Tus_Version=protocol.VERSION,
            Tus_Extension=protocol.EXTENSIONS,
            Tus_Checksum_Algorithm=protocol.CHECKSUMS,
            Tus_Max_Size=str(receiver.uploads.limits.file_bytes),
        ),
    )


@router.post("/uploads", status_code=201, responses=_RESPONSES)
async def create_upload(request: Request, principal: Writer, receiver: WithReceiver) -> Response:
    """Create an upload, and receive its first bytes if the request has any."""
    headers = request.headers
    async with drain(request):
        protocol.require_version(headers)
        if "upload-concat" in headers:
            raise protocol.bad_request(
                "the server does not join partial uploads", remedy="upload the file in one piece"
            )
        length, metadata = protocol.parse_length(headers), protocol.parse_metadata(headers)
        checksum = protocol.parse_checksum(headers)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if has_body:
            protocol.require_content_type(headers)
        with protocol.tus_errors():
            new = parse_new_upload(metadata, owner=principal.owner, length=length)
            upload = await receiver.run(lambda: receiver.uploads.create(new))
            outcome = "received"
            if has_body:
                upload, outcome = await receiver.receive(
                    request, upload.id, principal.owner, 0, checksum=checksum
                )
    location = str(request.app.url_path_for("read_upload", upload=upload.id))
    if outcome == "mismatch":
        return _mismatch({"Location": location})
    return Response(status_code=201, headers={**protocol.upload_headers(upload), "Location": location})


@router.head(_PATH, responses=_RESPONSES)
async def read_offset(request: Request, principal: Reader, receiver: WithReceiver, upload: str) -> Response:
    """The offset at which an upload continues. It never waits for a request that is sending."""
    return await _head(request, principal, receiver, upload)


@router.patch(_PATH, status_code=204, responses=_RESPONSES)
async def send_bytes(request: Request, principal: Writer, receiver: WithReceiver, upload: str) -> Response:
    """Receive the bytes of an upload from its offset."""
    return await _patch(request, principal, receiver, upload)


@router.delete(_PATH, status_code=204, responses=_RESPONSES)
async def cancel_upload(request: Request, principal: Writer, receiver: WithReceiver, upload: str) -> Response:
    """Delete an upload and its bytes. An asset that it became stays."""
    return await _delete(request, principal, receiver, upload)


@router.post(_PATH, responses=_RESPONSES, include_in_schema=False)
async def override_method(
    request: Request, principal: Writer, receiver: WithReceiver, upload: str
) -> Response:
    """The methods that some networks do not let through, by the header X-HTTP-Method-Override."""
    methods = {"HEAD": _head, "PATCH": _patch, "DELETE": _delete}
    handler = methods.get(request.headers.get("x-http-method-override", "").upper())
    if handler is None:
        async with drain(request):
            raise Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "this method is not supported here",
                remedy=f"use {', '.join(methods)}, or name it in X-HTTP-Method-Override",
                headers=protocol.common_headers(Allow=", ".join(["GET", *methods])),
            )
    return await handler(request, principal, receiver, upload)


async def _head(request: Request, principal: Principal, receiver: Receiver, upload: str) -> Response:
    protocol.require_version(request.headers)
    with protocol.tus_errors():
        found = await receiver.run(lambda: receiver.uploads.get(upload, principal.sees))
        require_not_failed(found)
    return Response(headers={**protocol.upload_headers(found), **protocol.length_headers(found)})


async def _patch(request: Request, principal: Principal, receiver: Receiver, upload: str) -> Response:
    headers = request.headers
    async with drain(request):
        protocol.require_version(headers)
        protocol.require_content_type(headers)
        offset = protocol.parse_size(headers, "Upload-Offset")
        if offset is None:
            raise protocol.bad_request("the header Upload-Offset is missing")
        length, checksum = protocol.parse_size(headers, "Upload-Length"), protocol.parse_checksum(headers)
        with protocol.tus_errors():
            found = await receiver.run(lambda: receiver.uploads.get(upload, principal.sees))
            _require_fits(headers, offset, length if found.length is None else found.length)
            found, outcome = await receiver.receive(
                request, upload, principal.sees, offset, length=length, checksum=checksum
            )
        if outcome == "idle":
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"no byte has arrived for {receiver.idle_s:g} s",
                remedy="request the offset by HEAD, and continue there",
                headers=protocol.upload_headers(found),
            )
    if outcome == "mismatch":
        return _mismatch(protocol.upload_headers(found))
    return Response(status_code=204, headers=protocol.upload_headers(found))


async def _delete(request: Request, principal: Principal, receiver: Receiver, upload: str) -> Response:
    protocol.require_version(request.headers)
    with protocol.tus_errors():
        await receiver.run(lambda: receiver.uploads.get(upload, principal.sees))
        await receiver.release(upload)
        await receiver.run(lambda: receiver.uploads.terminate(upload, principal.sees))
    return Response(status_code=204, headers=protocol.common_headers())


def _require_fits(headers: Mapping[str, str], offset: int, length: int | None) -> None:
    """Refuse a body that is longer than the upload before any of it is read. Raises `Problem` 413."""
    size = protocol.parse_size(headers, "Content-Length")
    if length is not None and size is not None and offset + size > length:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body goes beyond the length of the upload, {length} bytes",
            remedy="declare the length of the whole file",
            headers=protocol.common_headers(),
        )


def _mismatch(headers: Mapping[str, str]) -> JSONResponse:
    """The response to a body that does not match its checksum; nothing of it is kept."""
    body = {
        "type": "about:blank",
        "title": "Checksum Mismatch",
        "status": protocol.CHECKSUM_MISMATCH,
        "detail": "the body does not match its checksum, and was not kept",
        "remedy": "send it again",
    }
    return JSONResponse(
        body, protocol.CHECKSUM_MISMATCH, {**protocol.common_headers(), **headers}, MEDIA_TYPE
    )
