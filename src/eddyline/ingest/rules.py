"""How what arrives is to be treated: by rules from a file, read whole and checked; the first that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from eddyline.core import settings_file
from eddyline.core.errors import UsageError
from eddyline.ingest.conditions import Arrival, Conditions, Section
from eddyline.ingest.decisions import Cause, Ignore, Park
from eddyline.media.ladder import profile as profiles
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions, Urgency
from eddyline.pipeline.submission.file_types import skip_reason_by_name

_REMEDY = "correct it; examples/rules.yaml of eddyline's repository is a complete example"
_REFERENCE = re.compile(r"\{(\d{1,2})\}")
_LONGEST_OWNER = 100
_MOST_RULES = 500


@dataclass(frozen=True, kw_only=True)
class Accept:
    """To be submitted, so and on these terms. `wanted` is the profile's name, or its file's whole path.

    `sure`: the rule names the extension, so whoever wrote it holds this for footage. `chapters_wait_s`: it is
    one recording with the chapters beside it, once no chapter came for so long; None: it is one by itself.
    """

    profile: Profile
    wanted: str
    terms: JobOptions
    sure: bool = False
    chapters_wait_s: float | None = None


class Treatment(Section):
    """What becomes of what arrives: `ignore` with a reason, or processed by a profile (a name or a file).

    `owner` may hold {1}, {2} ...: what that star of the rule's `key` stands for. `deadline_s` counts from the
    upload, or from when a file was found whole. `chapters_wait_s`: see `Accept`.
    """

    profile: str | None = Field(default=None, min_length=1, max_length=1000)
    owner: str = Field(default="", max_length=_LONGEST_OWNER)
    urgency: Urgency = "interactive"
    deadline_s: float | None = Field(default=None, gt=0, le=366 * 86_400)
    chapters_wait_s: float | None = Field(default=None, gt=0, le=86_400)
    ignore: str | None = Field(default=None, min_length=1, max_length=400)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        others = self.model_fields_set - {"ignore", "when"}
        if self.ignore is not None and others:
            raise ValueError(f"what is ignored needs no {', '.join(sorted(others))}")
        if self._stars > self._stars_given:
            raise ValueError(f"owner has {{{self._stars}}}, but key has {self._stars_given} stars")
        return self

    @property
    def _stars(self) -> int:
        return max((int(number) for number in _REFERENCE.findall(self.owner)), default=0)

    @property
    def _stars_given(self) -> int:
        return 0

    def owned_by(self, stars: tuple[str, ...]) -> str:
        """Whose it is."""
        return _REFERENCE.sub(lambda found: stars[int(found[1]) - 1], self.owner)


class Rule(Treatment):
    """One rule: `when` all this holds, treat it so."""

    when: Conditions

    @property
    def _stars_given(self) -> int:
        return self.when.key.wildcards if self.when.key else 0


class _File(Section):
    rules: tuple[Rule, ...] = Field(default=(), max_length=_MOST_RULES, strict=False)
    default: Treatment = Treatment()


_Profiles = Mapping[str, tuple[str, Profile]]


class Rules:
    """All rules, in order, and the profiles that they name. Immutable; safe from any thread."""

    def __init__(self, rules: tuple[Rule, ...], default: Treatment, usual: str, known: _Profiles) -> None:
        self._rules = rules
        self._default = default
        self._usual = usual
        self._profiles = known

    def decide(self, arrived: Arrival) -> Accept | Ignore | Park:
        """What is to be done with what arrived: by the first rule that fits, or by the default."""
        for rule in self._rules:
            stars = rule.when.match(arrived)
            if stars is not None:
                return self._treat(arrived, rule, stars, sure=rule.when.extension is not None)
        return self._treat(arrived, self._default, (), sure=False)

    def _treat(
        self, arrived: Arrival, treatment: Treatment, stars: tuple[str, ...], *, sure: bool
    ) -> Accept | Ignore | Park:
        if treatment.ignore is not None:
            return Ignore(reason=treatment.ignore)
        if not sure and (reason := skip_reason_by_name(arrived.key)):
            return Ignore(reason=reason)
        owner = treatment.owned_by(stars)
        if treatment.owner and not (0 < len(owner) <= _LONGEST_OWNER and owner.isprintable()):
            return Park(
                reason=f"its path names no owner that can be used: {ascii(owner)[:120]}",
                cause=Cause.OWNERLESS,
            )
        wanted, profile = self._profiles[treatment.profile or self._usual]
        deadline = None if treatment.deadline_s is None else arrived.at + treatment.deadline_s
        terms = JobOptions(owner=owner, urgency=treatment.urgency, deadline=deadline)
        return Accept(
            profile=profile,
            wanted=wanted,
            terms=terms,
            sure=sure,
            chapters_wait_s=treatment.chapters_wait_s,
        )


def load_rules(path: Path | None = None, *, profile: str = "default") -> Rules:
    """The rules in a file; without one, everything by `profile`, which is also meant where none is named.

    A profile's file is found from the folder of the rules. Raises `UsageError` naming file, key and rule.
    """
    given = _File() if path is None else _read(path)
    usual = given.default.profile or profile
    taking = [each for each in (*given.rules, given.default) if each.ignore is None]
    home = path.parent if path is not None else Path()
    known = {name: _profile(name, home, path) for name in sorted({each.profile or usual for each in taking})}
    return Rules(given.rules, given.default, usual, known)


def _read(path: Path) -> _File:
    try:
        plain: Any = settings_file.parse_settings(path, remedy=_REMEDY)
        return _File.model_validate({} if plain is None else plain)
    except ValidationError as error:
        raise UsageError(f"{path}: {settings_file.describe_errors(error)}", remedy=_REMEDY) from error


def _profile(name: str, home: Path, rules: Path | None) -> tuple[str, Profile]:
    is_file = "/" in name or name.endswith((".yaml", ".yml"))
    wanted = str(home.absolute() / name) if is_file else name
    try:
        return wanted, profiles.load_profile(wanted)
    except UsageError as error:
        if rules is None:
            raise
        raise UsageError(f"{rules}: {error.message}", remedy=error.remedy) from error
