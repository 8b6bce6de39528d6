"""Jobs with their starts and evidence; cancel, retry, redrive."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["jobs"])
