"""What an FFmpeg build says about its encoders and filters (`-h encoder=NAME`), parsed for tests."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

_OPTION = re.compile(r"^\s{1,4}-?(\S+)\s+<(\w+)>\s+\S{8,}(.*)$")
_CONSTANT = re.compile(r"^\s{5}(\S+)\s+(-?\d+)?\s*[E.][.D][.F]")
_RANGE = re.compile(r"\(from (\S+) to (\S+)\)")
_INTEGER_TYPES = frozenset({"int", "int64", "uint", "uint64"})


@dataclass
class Option:
    """One option: its type, its named constants, and its range as printed (names such as INT_MAX: none)."""

    type: str
    constants: set[str] = field(default_factory=set)
    low: float | None = None
    high: float | None = None

    def accepts(self, value: str) -> bool:
        """Whether the value is of the type, is a constant or is in the range."""
        if value in self.constants:
            return True
        if self.type == "boolean":
            return value in {"0", "1", "auto"}
        if self.type == "flags":
            parts = re.split(r"[+-]", value.lstrip("+-"))
            return all(part in self.constants or part.isdigit() for part in parts)
        if self.type in _INTEGER_TYPES or self.type in {"float", "double"}:
            try:
                number = float(value.removesuffix("k")) * (1000 if value.endswith("k") else 1)
            except ValueError:
                return False
            return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)
        return True  # strings, pixel formats, sizes: checked by running FFmpeg


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@cache
def listed_options(ffmpeg: str, kind: str, name: str) -> Mapping[str, Option]:
    """The options of a filter or an encoder; empty if the build lacks it."""
    text = subprocess.run(
        [ffmpeg, "-hide_banner", "-h", f"{kind}={name}"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, Option] = {}
    current = None
    for line in text.splitlines():
        if (constant := _CONSTANT.match(line)) and current is not None:
            current.constants |= {each for each in constant.groups() if each}
        elif option := _OPTION.match(line):
            current = found[option[1]] = Option(type=option[2])
            if limits := _RANGE.search(option[3]):
                current.low, current.high = _number(limits[1]), _number(limits[2])
    return found


@cache
def generic_options(ffmpeg: str) -> Mapping[str, Option]:
    """The options that all encoders share: the first part of `-h full`."""
    text = subprocess.run(
        [ffmpeg, "-hide_banner", "-h", "full"], capture_output=True, text=True, check=True
    ).stdout
    part = text.partition("AVCodecContext AVOptions:")[2].partition("\n\n")[0]
    found: dict[str, Option] = {}
    current = None
    for line in part.splitlines():
        if (constant := _CONSTANT.match(line)) and current is not None:
            current.constants |= {each for each in constant.groups() if each}
        elif option := _OPTION.match(line):
            current = found[option[1]] = Option(type=option[2])
    return found


def wrong_options(ffmpeg: str, encoder: str, options: Sequence[str]) -> list[str]:
    """Those of the pairs of option and value that the encoder, or FFmpeg for all encoders, does not have."""
    own, generic = listed_options(ffmpeg, "encoder", encoder), generic_options(ffmpeg)
    wrong = []
    for option, value in zip(options[::2], options[1::2], strict=True):
        name = option.removeprefix("-").partition(":")[0]
        found = own.get(name) or generic.get(name)
        if name in {"c", "tag", "pix_fmt"}:
            continue  # options of the program
        if found is None or not found.accepts(value):
            wrong.append(f"{option} {value}")
    return wrong


def wrong_filters(ffmpeg: str, chain: Sequence[str]) -> list[str]:
    """Those of the filters of a chain that the build lacks, or that have another option or value."""
    wrong = []
    for each in chain:
        name, _, text = each.partition("=")
        listed = listed_options(ffmpeg, "filter", name)
        if not listed:
            if not _has_filter(ffmpeg, name):
                wrong.append(each)
            continue
        for place, argument in enumerate(part for part in text.split(":") if part):
            key, equals, value = argument.partition("=")
            found = listed.get(key) if equals else list(listed.values())[place]
            if found is None or not found.accepts(value if equals else key):
                wrong.append(f"{name}: {argument}")
    return wrong


def _has_filter(ffmpeg: str, name: str) -> bool:
    text = subprocess.run([ffmpeg, "-hide_banner", "-filters"], capture_output=True, text=True, check=True)
    return re.search(rf"^ \S+ {re.escape(name)} ", text.stdout, re.MULTILINE) is not None
