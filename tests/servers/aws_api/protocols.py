"""The wire protocols of AWS' control plane APIs: requests to parameters, results to responses.

The shapes come from botocore's service models, so parameters and results have the names of boto3. Protocols:
AWS JSON (ECS), Query (Auto Scaling), EC2; for CloudWatch RPC v2 CBOR, JSON or Query, as the client chooses.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

Params = dict[str, Any]
_SERVICES = {
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
}  # the names that requests are signed for, where boto3's name differs
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")
_CBOR_PATH = re.compile(r"/service/[^/]+/operation/([A-Za-z0-9]+)")
_FIRST_LETTER = 1


class ApiError(Exception):
    """An error response: AWS' error code, the message, the HTTP status."""

    def __init__(self, code: str, message: str = "", *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: `service` and `operation` as boto3 names them; `protocol`: json, query, ec2 or cbor."""

    service: str
    operation: str
    region: str
    protocol: str
    params: Params
    model: OperationModel


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes


@cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of a service."""
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def read_call(path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """The call of a request. Raises `ApiError` for requests that no AWS service would accept."""
    found = {name.lower(): value for name, value in headers.items()}
    scope = _SCOPE.search(found.get("authorization", ""))
    if scope is None:
        raise ApiError("MissingAuthenticationToken", "the request is not signed", status=403)
    region, signed_for = scope.groups()
    service = _SERVICES.get(signed_for, signed_for)
    if found.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    if cbor := _CBOR_PATH.fullmatch(path):
        protocol, operation = "cbor", cbor[1]
    elif target := found.get("x-amz-target"):
        protocol, operation = "json", target.rpartition(".")[2]
    else:
        protocol = "ec2" if service == "ec2" else "query"
        operation = dict(urllib.parse.parse_qsl(body.decode())).get("Action", "")
    try:
        model = service_model(service).operation_model(operation)
    except Exception as error:
        raise ApiError("InvalidAction", f"{service} has no operation {operation!r}") from error
    params = _params(model.input_shape, protocol, body)
    return Call(
        service=service, operation=operation, region=region, protocol=protocol, params=params, model=model
    )


def _params(shape: StructureShape | None, protocol: str, body: bytes) -> Params:
    if shape is None:
        return {}
    if protocol == "cbor":
        from botocore.parsers import RpcV2CBORParser

        parsed = RpcV2CBORParser(None).parse_data_item(io.BufferedReader(io.BytesIO(body))) if body else {}
        return _typed(shape, parsed)  # type: ignore[no-any-return]
    if protocol == "json":
        return _typed(shape, json.loads(body or b"{}"))  # type: ignore[no-any-return]
    flat = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    found = _Flat(flat, ec2=protocol == "ec2").value(shape, "")
    return {} if found is None else found


def _typed(shape: Shape, value: Any) -> Any:
    """JSON and CBOR values with timestamps as datetimes, unknown members left out."""
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        return {
            key: _typed(shape.members[key], found) for key, found in value.items() if key in shape.members
        }
    if isinstance(shape, ListShape):
        return [_typed(shape.member, found) for found in value]
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return value


class _Flat:
    """The parameters of the Query and the EC2 protocol: a.b.1.c=value."""

    def __init__(self, flat: Mapping[str, str], *, ec2: bool) -> None:
        self._flat, self._ec2 = flat, ec2

    def value(self, shape: Shape, prefix: str) -> Any:
        """The value of `shape` at `prefix`; None: absent."""
        if isinstance(shape, StructureShape):
            return self._structure(shape, prefix)
        if isinstance(shape, ListShape):
            return self._list(shape, prefix)
        text = self._flat.get(prefix)
        return None if text is None else _SCALARS.get(shape.type_name, str)(text)

    def _structure(self, shape: StructureShape, prefix: str) -> Params | None:
        found = {}
        for name, member in shape.members.items():
            value = self.value(member, f"{prefix}.{self._name(member, name)}".lstrip("."))
            if value is not None:
                found[name] = value
        return found or (None if prefix else {})

    def _name(self, member: Shape, name: str) -> str:
        serialized = member.serialization
        if not self._ec2:
            return str(serialized.get("name", name))
        named = str(serialized.get("queryName") or serialized.get("name", name))
        return named[:_FIRST_LETTER].upper() + named[_FIRST_LETTER:]

    def _list(self, shape: ListShape, prefix: str) -> list[Any] | None:
        if self._flat.get(prefix) == "":
            return []
        if not self._ec2 and not shape.serialization.get("flattened"):
            prefix = f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        found: list[Any] = []
        while (value := self.value(shape.member, f"{prefix}.{len(found) + 1}")) is not None:
            found.append(value)
        return found or None


_SCALARS: dict[str, Any] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda text: text == "true",
    "timestamp": datetime.fromisoformat,
}


def write_result(call: Call, result: Params, request_id: str) -> Reply:
    """The response of a successful call."""
    shape = call.model.output_shape
    if call.protocol == "json":
        found = {} if shape is None else _json(shape, result)
        return _reply(200, json.dumps(found).encode(), "application/x-amz-json-1.1", request_id)
    if call.protocol == "cbor":
        return _cbor(200, {}, request_id)  # only PutMetricData, which returns nothing
    members = "" if shape is None else _xml_members(shape, result)
    namespace = service_model(call.service).metadata.get("xmlNamespace", "")
    name = f"{call.operation}Response"
    if call.protocol == "ec2":
        content = f"<requestId>{request_id}</requestId>{members}"
    else:
        content = f"<{call.operation}Result>{members}</{call.operation}Result>" if shape is not None else ""
        content += f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{namespace}">{content}</{name}>'
    return _reply(200, body.encode(), "text/xml;charset=UTF-8", request_id)


def write_error(protocol: str, error: ApiError, request_id: str) -> Reply:
    """The response of a failed call, in the form of its protocol."""
    code, message = error.code, error.message
    if protocol == "json":
        body = json.dumps({"__type": code, "message": message}).encode()
        return _reply(error.status, body, "application/x-amz-json-1.1", request_id)
    if protocol == "cbor":
        return _cbor(error.status, {"__type": code, "message": message}, request_id)
    content = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        body = (
            f"<Response><Errors><Error>{content}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        ).encode()
    else:
        kind = "Sender" if error.status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{content}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        ).encode()
    return _reply(error.status, body, "text/xml;charset=UTF-8", request_id)


def _reply(status: int, body: bytes, content_type: str, request_id: str) -> Reply:
    headers = {"Content-Type": content_type, "x-amzn-RequestId": request_id}
    return Reply(status=status, headers=headers, body=body)


def _cbor(status: int, members: dict[str, str], request_id: str) -> Reply:
    def text(value: str) -> bytes:
        encoded = value.encode()
        return b"\x79" + len(encoded).to_bytes(2, "big") + encoded

    body = bytes([0xA0 + len(members)])
    body += b"".join(text(part) for item in members.items() for part in item)
    reply = _reply(status, body, "application/cbor", request_id)
    reply.headers["smithy-protocol"] = "rpc-v2-cbor"
    return reply


def _json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        found = {name: _json(member, value[name]) for name, member in shape.members.items() if name in value}
        return {name: member for name, member in found.items() if member is not None}
    if isinstance(shape, ListShape):
        return [_json(shape.member, item) for item in value]
    return value.timestamp() if isinstance(value, datetime) else value


def _xml_members(shape: StructureShape, values: Params) -> str:
    return "".join(
        _xml(member, str(member.serialization.get("name", name)), values[name])
        for name, member in shape.members.items()
        if values.get(name) is not None
    )


def _xml(shape: Shape, name: str, value: Any) -> str:
    if isinstance(shape, StructureShape):
        content = _xml_members(shape, value)
    elif isinstance(shape, ListShape):
        item = str(shape.member.serialization.get("name", "member"))
        if shape.serialization.get("flattened"):
            return "".join(_xml(shape.member, name, found) for found in value)
        content = "".join(_xml(shape.member, item, found) for found in value)
    else:
        content = escape(_text(value))
    return f"<{name}>{content}</{name}>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
