"""The account: tokens and share links."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
