from __future__ import annotations

import hashlib

import pytest

from eddyline.library.random_secrets import SecretKind, same

KIND = SecretKind("edl_", 32)


def test_a_secret_has_its_prefix_and_32_random_bytes() -> None:
    first, second = KIND.generate(), KIND.generate()
    assert first != second
    assert first.startswith("edl_")
    assert len(first) == 4 + 43
    assert KIND.digest(first) == hashlib.sha256(first.encode()).hexdigest()


@pytest.mark.parametrize(
    "text",
    ["", "edl_", "edl_" + "a" * 42, "edl_" + "a" * 44, "abc_" + "a" * 43, "edl_" + "é" * 43, "a" * 10**6],
)
def test_a_text_of_another_form_has_no_digest(text: str) -> None:
    assert KIND.digest(text) is None


def test_digests_are_compared() -> None:
    assert same("ab", "ab")
    assert not same("ab", "ac")
