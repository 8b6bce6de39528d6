"""The first matching rule applies; an invalid file is rejected."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import UsageError
from eddyline.ingest.conditions import Arrival
from eddyline.ingest.decisions import Ignore, Park
from eddyline.ingest.rules import Accept, Rules, load_rules
from eddyline.pipeline.planning.job_options import JobOptions

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "rules.yaml"
RULES = load_rules(EXAMPLE)
CLIP = Arrival(key="a.mp4", size=5_000_000, at=1000.0, bucket="footage")


def _rules(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "rules.yaml"
    path.write_text(text, "utf-8")
    return load_rules(path)


def _accept(rules: Rules, arrival: Arrival) -> Accept:
    decision = rules.decide(arrival)
    assert isinstance(decision, Accept), decision
    return decision


def test_without_a_file_one_profile_applies_to_everything() -> None:
    accepted = _accept(load_rules(profile="fast"), CLIP)
    assert (accepted.profile_name, accepted.profile.name, accepted.options) == ("fast", "fast", JobOptions())


@pytest.mark.parametrize(
    ("arrival", "profile", "options"),
    [
        (replace(CLIP, metadata={"purpose": "review-3"}), "fast", JobOptions(deadline=1900.0)),
        (replace(CLIP, key="users/ann/day 1/a.mp4"), "default", JobOptions(owner="ann")),
        (replace(CLIP, bucket="old-archive"), "archive", JobOptions(urgency="bulk", deadline=605_800.0)),
        (replace(CLIP, bucket="old-archive", size=999_999), "default", JobOptions()),
        (replace(CLIP, metadata={"purpose": "preview"}), "default", JobOptions()),
        (CLIP, "default", JobOptions()),
    ],
)
def test_the_example_routes_by_prefix_metadata_bucket_and_size(
    arrival: Arrival, profile: str, options: JobOptions
) -> None:
    accepted = _accept(load_rules(EXAMPLE), arrival)
    assert (accepted.profile_name, accepted.options) == (profile, options)


def test_an_ignore_rule_ignores_with_its_reason() -> None:
    assert load_rules(EXAMPLE).decide(replace(CLIP, key="tests/a.mp4")) == Ignore(
        reason="tests of the upload page"
    )


def test_the_first_matching_rule_applies(tmp_path: Path) -> None:
    rules = _rules(
        tmp_path,
        "rules:\n- when: {extension: [MP4, .mov]}\n  profile: fast\n"
        "- when: {key: '**'}\n  profile: archive\n",
    )
    assert _accept(rules, replace(CLIP, key="x/A.Mp4")).profile_name == "fast"
    assert _accept(rules, replace(CLIP, key="x/A.mkv")).profile_name == "archive"


def test_companion_files_are_skipped_unless_a_rule_names_their_extension(tmp_path: Path) -> None:
    proxy = replace(CLIP, key="DCIM/GL010042.LRV")
    decision = load_rules().decide(proxy)
    assert isinstance(decision, Ignore)
    assert "proxy" in decision.reason
    assert isinstance(_rules(tmp_path, "rules:\n- when: {prefix: DCIM/}\n").decide(proxy), Ignore)
    assert isinstance(_rules(tmp_path, "rules:\n- when: {extension: lrv}\n").decide(proxy), Accept)


def test_content_types_and_metadata_are_matched_by_patterns(tmp_path: Path) -> None:
    rules = _rules(
        tmp_path,
        "rules:\n- when: {content_type: 'video/*', metadata: {Camera: 'HERO*'}}\n  profile: fast\n",
    )
    matching = replace(CLIP, content_type="video/mp4", metadata={"camera": "HERO12"})
    assert _accept(rules, matching).profile_name == "fast"
    for other in (replace(matching, content_type="image/png"), replace(matching, metadata={}), CLIP):
        assert _accept(rules, other).profile_name == "default"


def test_a_default_may_ignore_everything_else(tmp_path: Path) -> None:
    rules = _rules(tmp_path, "rules:\n- when: {prefix: in/}\ndefault: {ignore: not ours}\n")
    assert _accept(rules, replace(CLIP, key="in/a.mp4")).profile_name == "default"
    assert rules.decide(CLIP) == Ignore(reason="not ours")


def test_a_profile_file_is_found_relative_to_the_rules(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "rungs: [{height: 180, crf: 30, preset: veryfast, maxrate_kbps: 400, bufsize_kbps: 800}]\n"
    )
    assert _accept(_rules(tmp_path, "default: {profile: mine.yaml}\n"), CLIP).profile.name == "mine"


@pytest.mark.parametrize("key", ["users//a.mp4", f"users/{'x' * 101}/a.mp4", "users/a\u2028b/a.mp4"])
def test_a_path_without_a_valid_owner_is_parked(tmp_path: Path, key: str) -> None:
    rules = _rules(tmp_path, "rules:\n- when: {key: 'users/*/**'}\n  owner: '{1}'\n")
    assert isinstance(rules.decide(replace(CLIP, key=key)), Park)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules:\n- profile: fast\n", r"rules\[0\].when"),
        ("rules:\n- when: {prefex: a}\n", r"rules\[0\].when.prefex: unknown key"),
        ("rules:\n- when: {key: 'a***'}\n", r"rules\[0\].when.key.*\*\*\*"),
        ("rules:\n- when: {key: 'a/*'}\n  owner: '{2}'\n", r"owner has \{2\}, but key has 1 stars"),
        ("rules:\n- when: {}\n  ignore: x\n  profile: fast\n", "ignore excludes profile"),
        ("rules:\n- when: {at_least: 9, at_most: 3}\n", "at_least"),
        ("rules:\n- when: {extension: [1]}\n", "extension"),
        ("rules:\n- when: {}\n  urgency: now\n", "urgency"),
        ("rules:\n- when: {}\n  deadline_s: -1\n", "deadline_s"),
        ("default: {owner: '{1}'}\n", "owner"),
        ("default: {profile: nonsense}\n", r"rules.yaml: .*nonsense"),
        ("default: {profile: gone.yaml}\n", "gone.yaml"),
        ("rules: [&a {when: {}}, *a]\n", "aliases"),
        ("rules: []\nrules: []\n", "duplicate key"),
        ("- a\n", "the file: a mapping"),
        ("{", "not YAML"),
    ],
)
def test_an_invalid_file_is_rejected_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _rules(tmp_path, text)


def test_an_error_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.yaml:3: rules\[0\]\.ownr: unknown key"):
        _rules(tmp_path, "rules:\n  - when: {extension: mp4}\n    ownr: me\n")


def test_a_missing_file_is_rejected_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.yaml"):
        load_rules(tmp_path / "gone.yaml")


def test_an_empty_file_applies_the_default(tmp_path: Path) -> None:
    assert _accept(_rules(tmp_path, ""), CLIP).profile_name == "default"


@given(
    st.text(min_size=1, max_size=60), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)
)
def test_any_upload_gets_a_decision(key: str, metadata: dict[str, str]) -> None:
    arrival = Arrival(key=key, size=1, at=0.0, bucket="x", content_type=key, metadata=metadata)
    assert isinstance(RULES.decide(arrival), Accept | Ignore | Park)


_yaml = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["when", "key", "profile", "owner", "extension", "ignore"]), inner)
    ),
    max_leaves=8,
)


@given(_yaml)
def test_any_file_is_loaded_or_rejected(value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_text(yaml.safe_dump({"rules": [value], "default": value}), "utf-8")
        with suppress(UsageError):
            load_rules(path)
