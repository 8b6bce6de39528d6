"""The fleet: instances, interruptions, savings, capacity."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["fleet"])
