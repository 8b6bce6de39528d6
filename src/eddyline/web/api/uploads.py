"""Uploads by the tus protocol."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["uploads"])
