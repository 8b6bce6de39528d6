"""The files of assets, for players and downloads."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
