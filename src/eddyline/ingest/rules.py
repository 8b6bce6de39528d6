"""The rules for new files and objects: read from a file and validated; the first matching rule applies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from eddyline.core import settings_file
from eddyline.core.errors import UsageError
from eddyline.ingest.conditions import Arrival, Conditions, Section
from eddyline.ingest.decisions import Cause, Ignore, Park
from eddyline.media.ladder import profile as profiles
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.planning.job_options import JobOptions, Urgency
from eddyline.pipeline.submission.file_types import skip_reason_by_name

_REMEDY = "correct the file; examples/rules.yaml of eddyline's repository is a complete example"
_REFERENCE = re.compile(r"\{(\d{1,2})\}")
_MAX_OWNER = 100
_MAX_RULES = 500


@dataclass(frozen=True, kw_only=True)
class Accept:
    """To be processed with these options. `profile_name`: the profile's name or its file's absolute path.

    `extension_matched`: the rule names the extension, so the file is a source regardless of its content.
    `chapters_wait_s`: it forms one recording with its neighbouring chapters, after none has arrived for so
    long; None: it is a separate recording.
    """

    profile: Profile
    profile_name: str
    options: JobOptions
    extension_matched: bool = False
    chapters_wait_s: float | None = None


class Treatment(Section):
    """The treatment of a file or object: `ignore` with a reason, or processing with a profile.

    `profile` is a name or a file. `owner` may contain {1}, {2} ...: the text that this star of the rule's
    `key` matches. `deadline_s` counts from the upload, or from when a file was complete. `chapters_wait_s`:
    see `Accept`.
    """

    profile: str | None = Field(default=None, min_length=1, max_length=1000)
    owner: str = Field(default="", max_length=_MAX_OWNER)
    urgency: Urgency = "interactive"
    deadline_s: float | None = Field(default=None, gt=0, le=366 * 86_400)
    chapters_wait_s: float | None = Field(default=None, gt=0, le=86_400)
    ignore: str | None = Field(default=None, min_length=1, max_length=400)

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        others = self.model_fields_set - {"ignore", "when"}
        if self.ignore is not None and others:
            raise ValueError(f"ignore excludes {', '.join(sorted(others))}")
        if self._max_reference > self._wildcards:
            raise ValueError(f"owner has {{{self._max_reference}}}, but key has {self._wildcards} stars")
        return self

    @property
    def _max_reference(self) -> int:
        return max((int(number) for number in _REFERENCE.findall(self.owner)), default=0)

    @property
    def _wildcards(self) -> int:
        return 0

    def owner_of(self, stars: tuple[str, ...]) -> str:
        """The owner, for the texts that the stars of `key` match."""
        return _REFERENCE.sub(lambda match: stars[int(match[1]) - 1], self.owner)


class Rule(Treatment):
    """One rule: the treatment of everything that meets the conditions of `when`."""

    when: Conditions

    @property
    def _wildcards(self) -> int:
        return self.when.key.wildcards if self.when.key else 0


class _RulesFile(Section):
    rules: tuple[Rule, ...] = Field(default=(), max_length=_MAX_RULES, strict=False)
    default: Treatment = Treatment()


_Profiles = Mapping[str, tuple[str, Profile]]


class Rules:
    """The rules, in order, and the profiles that they name. Immutable; safe from any thread."""

    def __init__(
        self, rules: tuple[Rule, ...], default: Treatment, default_profile: str, profiles: _Profiles
    ) -> None:
        self._rules = rules
        self._default = default
        self._default_profile = default_profile
        self._profiles = profiles

    def decide(self, arrival: Arrival) -> Accept | Ignore | Park:
        """The decision of the first matching rule, or of the default."""
        for rule in self._rules:
            stars = rule.when.match(arrival)
            if stars is not None:
                return self._apply(arrival, rule, stars, extension_matched=rule.when.extension is not None)
        return self._apply(arrival, self._default, (), extension_matched=False)

    def _apply(
        self, arrival: Arrival, treatment: Treatment, stars: tuple[str, ...], *, extension_matched: bool
    ) -> Accept | Ignore | Park:
        if treatment.ignore is not None:
            return Ignore(reason=treatment.ignore)
        if not extension_matched and (reason := skip_reason_by_name(arrival.key)):
            return Ignore(reason=reason)
        owner = treatment.owner_of(stars)
        if treatment.owner and not (0 < len(owner) <= _MAX_OWNER and owner.isprintable()):
            return Park(
                reason=f"its path holds an invalid owner: {ascii(owner)[:120]}",
                cause=Cause.OWNERLESS,
            )
        profile_name, profile = self._profiles[treatment.profile or self._default_profile]
        deadline = None if treatment.deadline_s is None else arrival.at + treatment.deadline_s
        options = JobOptions(owner=owner, urgency=treatment.urgency, deadline=deadline)
        return Accept(
            profile=profile,
            profile_name=profile_name,
            options=options,
            extension_matched=extension_matched,
            chapters_wait_s=treatment.chapters_wait_s,
        )


def load_rules(path: Path | None = None, *, profile: str = "default") -> Rules:
    """The rules of a file. Without a file, and in rules that name none, `profile` applies.

    Paths of profile files are relative to the directory of the rules. Raises `UsageError` with file, key and
    rule.
    """
    file = _RulesFile() if path is None else _read(path)
    default_profile = file.default.profile or profile
    names = {each.profile or default_profile for each in (*file.rules, file.default) if each.ignore is None}
    directory = path.parent if path is not None else Path()
    found = {name: _load_profile(name, directory, path) for name in sorted(names)}
    return Rules(file.rules, file.default, default_profile, found)


def _read(path: Path) -> _RulesFile:
    file = settings_file.read_settings(path, remedy=_REMEDY)
    return file.validate(_RulesFile, {} if file.value is None else file.value)


def _load_profile(name: str, directory: Path, rules: Path | None) -> tuple[str, Profile]:
    is_file = "/" in name or name.endswith((".yaml", ".yml"))
    full_name = str(directory.absolute() / name) if is_file else name
    try:
        return full_name, profiles.load_profile(full_name)
    except UsageError as error:
        if rules is None:
            raise
        raise UsageError(f"{rules}: {error.message}", remedy=error.remedy) from error
