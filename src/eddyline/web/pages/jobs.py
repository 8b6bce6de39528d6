"""The jobs of one asset, and all failed jobs."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
