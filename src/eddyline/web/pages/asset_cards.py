"""Assets as cards of the library: a pure function of the catalogue's row and the progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from eddyline.core.formatting import printable_line
from eddyline.graph.ledger.catalogue.asset import Asset, AssetState

_MAX_NAME = 200
_MAX_MESSAGE = 300
_SHORT_SIDES = {2160: "4K", 2880: "5.3K", 4320: "8K"}
_FPS_SHOWN_FROM = 40  # the usual 24 to 30 frames/s say nothing


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the library shows of an asset. `facts` are short texts; URLs are empty where a file is missing."""

    asset: str
    name: str
    state: str
    poster: str
    storyboard: str
    duration: str
    facts: tuple[str, ...]
    percent: int
    message: str
    remedy: str


def card_of(
    asset: Asset, *, fraction: float | None = None, reason: str = "", eta_s: float | None = None
) -> Card:
    """The card of an asset. `fraction`, `reason` and `eta_s` state its progress; the default is the row's."""
    failure = asset.failure or {}
    message = " · ".join(filter(None, (reason, remaining(eta_s))))
    if asset.state is AssetState.FAILED:
        message = str(failure.get("message") or "the reason is not known")
    return Card(
        asset=asset.asset,
        name=printable_line(asset.name, _MAX_NAME) or asset.asset,
        state=asset.state.value,
        poster=media_url(asset.asset, asset.poster),
        storyboard=media_url(asset.asset, asset.storyboard),
        duration=clock(asset.duration_s) if asset.duration_s else "",
        facts=tuple(_facts(asset)),
        percent=int(100 * max(asset.progress, fraction or 0.0)),
        message=printable_line(message, _MAX_MESSAGE),
        remedy=printable_line(str(failure.get("remedy") or ""), _MAX_MESSAGE),
    )


def media_url(asset: str, path: str | None) -> str:
    """The address of a file of an asset on this server; empty without a path."""
    return f"/media/{asset}/{quote(path)}" if path else ""


def clock(seconds: float) -> str:
    """A duration as on a player: "0:08", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def remaining(seconds: float | None) -> str:
    """A remaining time, as format.js spells it: "40 s left", "3 min left"."""
    if seconds is None:
        return ""
    if seconds < 5:  # noqa: PLR2004 - seconds
        return "a few seconds left"
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{round(seconds / 5) * 5} s left"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min left" if hours else f"{minutes} min left"


def day(seconds: float) -> str:
    """A date in UTC: "21 Jun 2025"."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at.day} {at:%b %Y}"


def frame_size(asset: Asset) -> str:
    """The usual name of the frame size and a high frame rate: "4K60", "1080p"; empty if it is not known."""
    if not (asset.width and asset.height):
        return ""
    lines = min(asset.width, asset.height)
    name = _SHORT_SIDES.get(lines, f"{lines}p")
    fast = asset.fps and asset.fps > _FPS_SHOWN_FROM
    return f"{name}{asset.fps:.0f}" if fast else name


def _facts(asset: Asset) -> list[str]:
    when = asset.captured if asset.captured is not None else asset.created
    facts = [asset.camera and printable_line(asset.camera, 40), frame_size(asset), day(when)]
    return [each for each in facts if each]
