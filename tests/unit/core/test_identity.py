from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.core.identity import canonical, digest, file_sha256

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcü", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_a_value_has_one_canonical_form() -> None:
    assert canonical({"b": [1, "ü"], "a": None}) == '{"a":null,"b":[1,"ü"]}'.encode()


@settings(max_examples=40)
@given(_JSON)
def test_the_order_of_keys_does_not_change_the_digest(value: object) -> None:
    def with_reversed_keys(part: object) -> object:
        if isinstance(part, dict):
            return {name: with_reversed_keys(part[name]) for name in reversed(list(part))}
        return [with_reversed_keys(item) for item in part] if isinstance(part, list) else part

    assert digest(value) == digest(with_reversed_keys(value))


def test_the_boundary_between_two_parts_changes_the_digest() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest(["ab", "c"]), digest()}) == 5
    assert digest(1) != digest("1")


def test_another_process_gives_the_same_digest() -> None:
    code = "from eddyline.core.identity import digest; print(digest({'b': 1, 'a': ['x', None]}, 'ü', 1.5))"
    output = subprocess.run(
        (sys.executable, "-X", "utf8", "-c", code), check=True, capture_output=True, text=True
    )
    assert output.stdout.strip() == digest({"a": ["x", None], "b": 1}, "ü", 1.5)


def test_nan_and_infinity_are_rejected() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))


def test_a_file_digest_depends_only_on_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")  # the example of FIPS 180-2, appendix B.1
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
