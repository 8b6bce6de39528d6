"""How what arrives is to be treated: by rules from a file, read whole and checked; the first that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from eddyline.core import settingsfile
from eddyline.core.errors import UsageError
from eddyline.media import profile as profiles
from eddyline.media.profile import Profile
from eddyline.pipeline.ingest.globs import Glob
from eddyline.pipeline.ingest.verdicts import Cause, Ignore, Park
from eddyline.pipeline.kinds import not_footage
from eddyline.pipeline.terms import Terms, Urgency

_REMEDY = "correct it; examples/rules.yaml of eddyline's repository is a complete example"
_REFERENCE = re.compile(r"\{(\d{1,2})\}")
_LONGEST_OWNER = 100
_MOST_RULES = 500


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A file or object as rules see it. `at` in seconds since 1970; a folder's files have no bucket.

    `key` is relative to the bucket or folder; `metadata` what its uploader said of it, by small names.
    """

    key: str
    size: int
    at: float
    bucket: str = ""
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Take:
    """To be submitted, so and on these terms. `wanted` is the profile's name, or its file's whole path.

    `sure`: the rule names the extension, so whoever wrote it holds this for footage. `chapters_wait_s`: it is
    one recording with the chapters beside it, once no chapter came for so long; None: it is one by itself.
    """

    profile: Profile
    wanted: str
    terms: Terms
    sure: bool = False
    chapters_wait_s: float | None = None


def _glob(given: object) -> Glob:
    if not isinstance(given, str):
        raise ValueError("a pattern is a text")  # noqa: TRY004 - pydantic's way to refuse
    return Glob(given)


def _extensions(given: object) -> object:
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("an extension, or a list of them")
    return frozenset(word.lower().lstrip(".") for word in words)


_Pattern = Annotated[Glob, PlainValidator(_glob)]
_Extensions = Annotated[frozenset[str], BeforeValidator(_extensions), Field(min_length=1, max_length=64)]
_Size = Annotated[int, Field(ge=0, le=2**50)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Conditions(_Section):
    """What a rule asks for, all of it at once. Sizes in bytes; patterns as `globs.Glob` reads them."""

    bucket: _Pattern | None = None
    prefix: str = ""
    key: _Pattern | None = None
    extension: _Extensions | None = None
    content_type: _Pattern | None = None
    metadata: dict[str, _Pattern] = Field(default_factory=dict, max_length=32)
    at_least: _Size = 0
    at_most: _Size | None = None

    @model_validator(mode="after")
    def _has_an_order(self) -> Self:
        if self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least ({self.at_least}) is more than at_most ({self.at_most})")
        return self

    def match(self, arrived: Arrived) -> tuple[str, ...] | None:
        """What the stars of `key` stand for, if all conditions hold; else None."""
        found = self.key.match(arrived.key) if self.key else ()
        return found if found is not None and self._holds(arrived) else None

    def _holds(self, arrived: Arrived) -> bool:
        return (
            arrived.key.startswith(self.prefix)
            and arrived.size >= self.at_least
            and (self.at_most is None or arrived.size <= self.at_most)
            and (self.extension is None or _extension(arrived.key) in self.extension)
            and (self.bucket is None or self.bucket.match(arrived.bucket) is not None)
            and (self.content_type is None or self.content_type.match(arrived.content_type) is not None)
            and all(
                name.lower() in arrived.metadata and pattern.match(arrived.metadata[name.lower()]) is not None
                for name, pattern in self.metadata.items()
            )
        )


def _extension(key: str) -> str:
    return PurePosixPath(key).suffix.lower().removeprefix(".")


class Treatment(_Section):
    """What becomes of what arrives: `ignore` with a reason, or processed by a profile (a name or a file).

    `owner` may hold {1}, {2} ...: what that star of the rule's `key` stands for. `deadline_s` counts from the
    upload, or from when a file was found whole. `chapters_wait_s`: see `Take`.
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


class _File(_Section):
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

    def decide(self, arrived: Arrived) -> Take | Ignore | Park:
        """What is to be done with what arrived: by the first rule that fits, or by the default."""
        for rule in self._rules:
            stars = rule.when.match(arrived)
            if stars is not None:
                return self._treat(arrived, rule, stars, sure=rule.when.extension is not None)
        return self._treat(arrived, self._default, (), sure=False)

    def _treat(
        self, arrived: Arrived, treatment: Treatment, stars: tuple[str, ...], *, sure: bool
    ) -> Take | Ignore | Park:
        if treatment.ignore is not None:
            return Ignore(reason=treatment.ignore)
        if not sure and (reason := not_footage(arrived.key)):
            return Ignore(reason=reason)
        owner = treatment.owned_by(stars)
        if treatment.owner and not (0 < len(owner) <= _LONGEST_OWNER and owner.isprintable()):
            return Park(
                reason=f"its path names no owner that can be used: {ascii(owner)[:120]}",
                cause=Cause.OWNERLESS,
            )
        wanted, profile = self._profiles[treatment.profile or self._usual]
        deadline = None if treatment.deadline_s is None else arrived.at + treatment.deadline_s
        terms = Terms(owner=owner, urgency=treatment.urgency, deadline=deadline)
        return Take(
            profile=profile,
            wanted=wanted,
            terms=terms,
            sure=sure,
            chapters_wait_s=treatment.chapters_wait_s,
        )


def load(path: Path | None = None, *, profile: str = "default") -> Rules:
    """The rules in a file; without one, everything by `profile`, which is also meant where none is named.

    A profile's file is found from the folder of the rules. Raises `UsageError` naming file, key and rule.
    """
    given = _File() if path is None else _read(path)
    usual = given.default.profile or profile
    taking = [each for each in (*given.rules, given.default) if each.ignore is None]
    home = path.parent if path is not None else Path()
    known = {name: _profile(name, home) for name in sorted({each.profile or usual for each in taking})}
    return Rules(given.rules, given.default, usual, known)


def _read(path: Path) -> _File:
    try:
        plain: Any = settingsfile.parsed(path, remedy=_REMEDY)
        return _File.model_validate({} if plain is None else plain)
    except ValidationError as error:
        raise UsageError(f"{path}: {settingsfile.in_words(error)}", remedy=_REMEDY) from error


def _profile(name: str, home: Path) -> tuple[str, Profile]:
    is_file = "/" in name or name.endswith((".yaml", ".yml"))
    wanted = str(home.absolute() / name) if is_file else name
    return wanted, profiles.load(wanted)
