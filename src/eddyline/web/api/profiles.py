"""The profiles that assets can be made with."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["profiles"])
