"""Telemetry of an asset as series of points."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["telemetry"])
