"""Reads the instructions of the project's Dockerfiles, as far as the tests need them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "infra" / "docker"
NAMES = tuple(sorted(path.parent.name for path in IMAGES.glob("*/Dockerfile")))


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction, with continued lines joined and comments left out."""

    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """The value in the JSON form."""
        found: list[str] = json.loads(self.value[self.value.index("[") :])
        return found


def instructions(name: str) -> list[Instruction]:
    """The instructions of the image `name`."""
    text = (IMAGES / name / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        Instruction(name=line.split(maxsplit=1)[0], value=line.split(maxsplit=1)[1])
        for line in joined.splitlines()
        if line.strip()
    ]


def final_stage(name: str) -> list[Instruction]:
    """The instructions of the last stage: what the image has."""
    found = instructions(name)
    start = max(index for index, each in enumerate(found) if each.name == "FROM")
    return found[start:]


def value(name: str, instruction: str) -> Instruction:
    """The last instruction of this kind in the last stage."""
    return [each for each in final_stage(name) if each.name == instruction][-1]


def environment(name: str) -> dict[str, str]:
    """The variables of the image."""
    text = " ".join(each.value for each in final_stage(name) if each.name == "ENV")
    return dict(re.findall(r"(\w+)=(\S+)", text))


def health_check(name: str) -> list[str]:
    """The command of the health check."""
    return value(name, "HEALTHCHECK").words
