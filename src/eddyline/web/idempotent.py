"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a repeated POST is done once."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from eddyline.core.identity import digest
from eddyline.library.idempotency import Answer, IdempotencyKeys, KeyInUseError, KeyReusedError
from eddyline.web.auth.principal import Principal
from eddyline.web.problems import Problem
from eddyline.web.services import Services

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

IdempotencyKey = Annotated[
    str,
    Header(
        description="A unique text, such as a UUID: a request with the same key is done once. Keys are kept "
        "for 24 hours. With another request: 422; while the first one runs: 409.",
        examples=["5c1d6b5e-6d0c-4d38-9c0e-2f6a0a9d6a51"],
    ),
]


def once(
    services: Services,
    principal: Principal,
    request: Request,
    key: str,
    body: BaseModel,
    work: Callable[[], Answer],
) -> Response:
    """Run `work`, or return the answer of an earlier request with the same key; "": always run it.

    Raises `Problem` 400, 409 or 422 for a key that cannot be used.
    """
    if not key:
        return _response(work(), repeated=False)
    if _KEY.fullmatch(key) is None:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "the idempotency key is invalid",
            remedy="use 1 to 255 visible ASCII characters, such as a UUID",
        )
    keys = IdempotencyKeys(services.ledger)
    identity = digest(principal.owner, request.method, request.url.path, key)
    try:
        found = keys.begin(identity, digest(body.model_dump(mode="json")))
    except KeyReusedError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.message, remedy=error.remedy) from error
    except KeyInUseError as error:
        raise Problem(
            HTTPStatus.CONFLICT, error.message, remedy=error.remedy, headers={"Retry-After": "2"}
        ) from error
    if found is not None:
        return _response(found, repeated=True)
    try:
        answer = work()
        keys.finish(identity, answer)
    except BaseException:
        keys.abandon(identity)
        raise
    return _response(answer, repeated=False)


def _response(answer: Answer, *, repeated: bool) -> Response:
    headers = {**answer.headers, **({"Idempotency-Replayed": "true"} if repeated else {})}
    return JSONResponse(answer.body, answer.status, headers)
