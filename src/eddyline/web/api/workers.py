"""Workers and their machines."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["workers"])
