"""Signing in and out by a token; the session cookie."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
