"""The commands: their modules, and the lines of `eddyline --help`, which imports none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: the function, or the group of commands, `attribute` of the module `eddyline.cli.{module}`.

    `summary` equals the first paragraph of the help of the command (a test compares them).
    """

    module: str
    attribute: str
    summary: str
    hidden: bool = False

    def load(self) -> Callable[..., Any] | typer.Typer:
        """Import its module; returns the function or group."""
        found: Callable[..., Any] | typer.Typer = getattr(
            import_module(f"eddyline.cli.{self.module}"), self.attribute
        )
        return found


def _command(module: str, summary: str, attribute: str = "", *, hidden: bool = False) -> Command:
    return Command(module=module, attribute=attribute or module, summary=summary, hidden=hidden)


COMMANDS = {
    "run": _command(
        "run",
        "Transcode recordings into verified, playable assets. Can be stopped at any time and resumed.",
    ),
    "probe": _command("probe", "Show the properties of a video file, without decoding it."),
    "doctor": _command(
        "doctor", "Check the toolchain, encoders, disk space and limits. Exits with 1 if a check fails."
    ),
    "health": _command(
        "health",
        "Check a worker, a coordinator or an ingest on this machine: exit 0 if all of its loops run, else 1.",
    ),
    "catalogue": _command("catalogue", "Maintain the catalogue of assets.", "commands"),
    "cost": _command(
        "cost", "Show what work cost: by asset, owner, kind of job or pool, or one asset in detail."
    ),
    "quality": _command(
        "quality",
        "Show the quality of an asset's renditions (VMAF, PSNR, SSIM), or measure it with other metrics.",
    ),
    "jobs": _command(
        "jobs",
        "List, show, retry or cancel jobs of an output directory or a fleet (--ledger); drain workers.",
        "commands",
    ),
    "status": _command(
        "status",
        "Show the status. Exits with 1 if an operator is needed: failures, unserved jobs, parked messages.",
    ),
    "submit": _command(
        "submit", "Submit recordings to a fleet. Repeating a submission does not repeat work."
    ),
    "watch": _command(
        "watch", "Process new video files of a directory. Can be stopped at any time and resumed."
    ),
    "ingest": _command(
        "ingest", "Submit new objects of S3 buckets. Several ingests of one queue may run at the same time."
    ),
    "parked": _command(
        "parked",
        "List the messages that `eddyline ingest` parked, with the reasons; redrive or delete them.",
    ),
    "worker": _command(
        "worker",
        "Run a worker until its machine is terminated. "
        "SIGTERM drains it; Ctrl-C hands back all jobs at once.",
    ),
    "coordinator": _command(
        "coordinator",
        "Run a coordinator: it publishes ready jobs to the queues, records results and recovers lost jobs.",
    ),
    "serve": _command("serve", "Serve the API and the web pages until Ctrl-C or SIGTERM."),
    "upload": _command(
        "upload", "Upload recordings to a server. Can be stopped at any time; the next call continues."
    ),
    "local-worker": _command(
        "local_worker",
        "Run the jobs of a directory until standard input ends: `eddyline serve` starts this.",
        hidden=True,
    ),
    "token": _command(
        "token", "Create, list or revoke the API tokens of a server (--out or --ledger).", "commands"
    ),
    "fleet": _command("fleet", "Plan and operate the machines of a fleet on AWS.", "commands"),
    "simulate": _command(
        "simulate",
        "Simulate a fleet on Spot capacity: `eddyline simulate SCENARIO.yaml` compares policies (options: "
        "`eddyline simulate run --help`). Import markets and record workloads for it.",
        "commands",
    ),
    "profiles": _command("profiles", "List the built-in profiles, or print one as a template.", "commands"),
    "telemetry": _command(
        "telemetry", "Show or export telemetry: GPS, motion, exposure, faces, HiLights, settings."
    ),
    "validate": _command(
        "validate",
        "Validate an HLS or DASH stream by Apple's and DASH-IF's rules. Exits with 1 if a MUST is violated.",
    ),
    "merge": _command(
        "merge",
        "Join the chapters of a recording into one file, without re-encoding, with telemetry and HiLights.",
    ),
    "trim": _command(
        "trim",
        "Copy a range of a recording, exact to the frame, with audio, telemetry, HiLights and time code.",
    ),
    "combine": _command(
        "combine", "Add audio and telemetry of other files to a video, without re-encoding the video."
    ),
    "highlights": _command(
        "highlights",
        "Find the highlights of recordings in telemetry and audio, and cut them to a reel of exact frames.",
    ),
    "strip-location": _command(
        "strip_location",
        "Copy a recording without its location. Only data known not to contain a location is kept.",
    ),
    "demo-clip": _command(
        "demo",
        "Create a clip with moving video, a tone and a telemetry track.",
        "demo_clip",
        hidden=True,
    ),
}
"""By name on the command line."""
