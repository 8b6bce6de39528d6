"""One asset: player, map, charts, proof, downloads."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
