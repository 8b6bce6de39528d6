"""Assets: list, get, create, cancel, retry, delete."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["assets"])
