"""What a share link shows to strangers."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
