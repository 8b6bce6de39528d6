from __future__ import annotations

import json

import pytest
from tests.unit.web.auth.oidc_issuer import ISSUER, JWKS, METADATA, Issuer, rsa_key

from eddyline.web.auth.key_set import KEEP_S, RETRY_S, KeySet, parse_keys


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def test_keys_are_fetched_once_and_again_after_an_hour(issuer: Issuer) -> None:
    keys = KeySet(ISSUER, issuer.fetch)
    for now in (0.0, 10.0, KEEP_S - 1):
        assert keys.find("k1", now) is not None
    assert issuer.requests == [METADATA, JWKS]
    assert keys.find("k1", KEEP_S) is not None
    assert len(issuer.requests) == 4


def test_a_new_key_is_found_and_unknown_ones_cause_few_requests(issuer: Issuer) -> None:
    keys = KeySet(ISSUER, issuer.fetch, url=JWKS)
    assert keys.find("k1", 0.0) is not None
    issuer.keys = {"k2": rsa_key()}
    assert keys.find("k2", RETRY_S - 1) is None
    assert keys.find("k2", RETRY_S) is not None
    assert keys.find("k1", RETRY_S) is None, "a key that the issuer withdrew"
    for number in range(100):
        assert keys.find(f"unknown-{number}", RETRY_S + 1) is None
    assert issuer.requests == [JWKS] * 2


def test_known_keys_stay_in_use_while_the_issuer_is_unavailable(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    keys = KeySet(ISSUER, issuer.fetch, url=JWKS)
    keys.find("k1", 0.0)
    issuer.available = False
    assert keys.find("k1", KEEP_S) is not None
    assert "issuer keys unavailable" in caplog.text
    assert keys.find("k1", KEEP_S + 1) is not None
    assert len(issuer.requests) == 2


@pytest.mark.parametrize(
    "metadata", [b"{}", b"[]", b"x", b'{"issuer": "https://evil.example", "jwks_uri": "https://evil.example/k"}',
                 json.dumps({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}).encode()],
)  # fmt: skip
def test_metadata_of_another_issuer_is_not_used(metadata: bytes) -> None:
    requests: list[str] = []

    def fetch(url: str, max_bytes: int) -> bytes:
        del max_bytes
        requests.append(url)
        return metadata

    assert KeySet(ISSUER, fetch).find("k1", 0.0) is None
    assert requests == [METADATA]


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": 7}', b"[" * 100_000])
def test_a_document_of_another_form_is_refused(document: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_keys(document)


def test_symmetric_and_invalid_keys_are_left_out() -> None:
    listed = [
        {"kty": "oct", "kid": "secret", "k": "AAAA", "alg": "HS256"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kty": "EC", "kid": "curve", "crv": "P-1", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA"},
        7,
    ]
    assert parse_keys(json.dumps({"keys": listed}).encode()) == {}
