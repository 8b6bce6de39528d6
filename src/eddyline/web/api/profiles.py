"""Encoding profiles: the built-in ones, which every server has."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from eddyline.media.ladder.profile import Profile, load_profile, profile_names
from eddyline.web import problems
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Reader

router = APIRouter(tags=["profiles"])


class ProfileSummary(BaseModel):
    """A profile; all its settings have a link."""

    name: str = Field(examples=["default"])
    description: str
    rungs: list[str] = Field(description="Size and codec of each rung.", examples=[["1080 h264", "720 h264"]])
    package: bool = Field(description="Whether HLS and DASH are written.")
    links: dict[str, str]


class ProfileList(BaseModel):
    """All profiles."""

    profiles: list[ProfileSummary]


@router.get("/profiles", response_model=ProfileList)
def list_profiles(principal: Reader) -> Response:
    """List the profiles."""
    del principal
    return JSONResponse({"profiles": [_summary(load_profile(name)) for name in profile_names()]})


@router.get("/profiles/{profile}", response_model=Profile, responses=declare(404, 422))
def get_profile(principal: Reader, profile: str) -> Response:
    """Get all settings of a profile, with those that it leaves at their defaults."""
    del principal
    if profile not in profile_names():
        raise problems.not_found()
    return JSONResponse(load_profile(profile).model_dump(mode="json"))


def _summary(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "description": profile.description,
        "rungs": [f"{rung.height} {rung.codec}" for rung in profile.rungs],
        "package": profile.package,
        "links": {"self": f"/api/v1/profiles/{profile.name}"},
    }
