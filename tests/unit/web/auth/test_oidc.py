from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.testclient import TestClient
from tests.unit.web.auth.oidc_issuer import AUDIENCE, ISSUER, Issuer, ec_key, rsa_key
from tests.unit.web.web_app import open_services

from eddyline import config
from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.web.application import create_app
from eddyline.web.auth.oidc import LEEWAY_S, Oidc, oidc_settings, open_oidc
from eddyline.web.auth.principal import Principal, Scope

ENVIRONMENT = {"EDDYLINE_OIDC_ISSUER": ISSUER, "EDDYLINE_OIDC_AUDIENCE": AUDIENCE}


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def oidc(issuer: Issuer, clock: ManualClock, **environment: str) -> Oidc:
    settings = oidc_settings(config.read({**ENVIRONMENT, **environment}))
    assert settings is not None
    return Oidc(settings, issuer.fetch, clock)


def test_a_valid_token_names_its_owner_and_scope(issuer: Issuer, clock: ManualClock) -> None:
    found = oidc(issuer, clock).authenticate(issuer.sign(clock.now()))
    assert found == Principal(owner="ann", scope=Scope.WRITE)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"}, {"aud": ["a", "b"]}, {"aud": None}, {"iss": "https://evil.example"}, {"iss": None},
        {"iss": ISSUER + "/"}, {"exp": None}, {"exp": 1}, {"exp": "never"}, {"exp": True},
        {"nbf": 10**11}, {"iat": 10**11}, {"sub": None}, {"sub": ""}, {"sub": "a\nb"}, {"sub": "a" * 101},
        {"sub": 7}, {"scope": None}, {"scope": "openid"}, {"scope": 7}, {"scope": ["openid", 7]},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_with_wrong_claims_is_refused(
    issuer: Issuer, clock: ManualClock, claims: dict[str, Any]
) -> None:
    assert oidc(issuer, clock).authenticate(issuer.sign(clock.now(), **claims)) is None


def test_a_token_expires_after_the_leeway(issuer: Issuer, clock: ManualClock) -> None:
    verifier, token = oidc(issuer, clock), issuer.sign(clock.now(), exp=int(clock.now()) + 10)
    clock.advance(10 + LEEWAY_S - 1)
    assert verifier.authenticate(token) is not None
    clock.advance(1)
    assert verifier.authenticate(token) is None


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_without_a_signature_is_refused(issuer: Issuer, clock: ManualClock) -> None:
    _, claims, signature = issuer.sign(clock.now()).split(".")
    for name in ("none", "None", "NONE", ""):
        header = part({"alg": name, "typ": "JWT", "kid": "k1"})
        for end in ("", signature):
            assert oidc(issuer, clock).authenticate(f"{header}.{claims}.{end}") is None


def test_a_public_key_is_not_accepted_as_a_password(issuer: Issuer, clock: ManualClock) -> None:
    public = issuer.keys["k1"].public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        header, claims = part({"alg": "HS256", "kid": "k1"}), issuer.sign(clock.now()).split(".")[1]
        key = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        signed = (
            base64.urlsafe_b64encode(key.sign(f"{header}.{claims}".encode(), secret)).rstrip(b"=").decode()
        )
        assert oidc(issuer, clock).authenticate(f"{header}.{claims}.{signed}") is None


def test_a_token_of_another_key_or_kind_of_key_is_refused(issuer: Issuer, clock: ManualClock) -> None:
    verifier = oidc(issuer, clock)
    assert verifier.authenticate(issuer.sign(clock.now(), key=rsa_key())) is None
    assert verifier.authenticate(issuer.sign(clock.now(), key=ec_key(), algorithm="ES256")) is None
    changed = issuer.sign(clock.now()).split(".")
    changed[1] = part(
        {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": 10**10, "scope": "eddyline.admin"}
    )
    assert verifier.authenticate(".".join(changed)) is None


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "....", "\x00", "e30.e30.", "a" * 100_000])
def test_a_text_that_is_not_a_token_is_refused(issuer: Issuer, clock: ManualClock, token: str) -> None:
    assert oidc(issuer, clock).authenticate(token) is None


def test_an_elliptic_key_is_accepted(clock: ManualClock) -> None:
    issuer = Issuer()
    issuer.keys = {"e1": ec_key()}
    token = issuer.sign(clock.now(), kid="e1", algorithm="ES256")
    assert oidc(issuer, clock).authenticate(token) is not None


def test_the_claims_are_configured(issuer: Issuer, clock: ManualClock) -> None:
    verifier = oidc(
        issuer, clock, EDDYLINE_OIDC_OWNER_CLAIM="email", EDDYLINE_OIDC_SCOPE_CLAIM="groups",
        EDDYLINE_OIDC_SCOPES="viewers=read, ops=admin",
    )  # fmt: skip
    token = issuer.sign(clock.now(), email="ann@example.com", groups=["viewers", "ops", "x"])
    assert verifier.authenticate(token) == Principal(owner="ann@example.com", scope=Scope.ADMIN)


@pytest.mark.parametrize(
    "environment",
    [{"EDDYLINE_OIDC_AUDIENCE": ""}, {"EDDYLINE_OIDC_SCOPES": "a=root"}, {"EDDYLINE_OIDC_SCOPES": "read"}],
)
def test_invalid_settings_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        oidc_settings(config.read({**ENVIRONMENT, **environment}))


def test_a_server_accepts_tokens_of_its_issuer_and_is_not_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, issuer: Issuer
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    services = open_services(tmp_path, local=True)
    object.__setattr__(services.shared, "settings", config.read())  # frozen
    app = create_app(services)
    assert isinstance(services.clock, ManualClock)
    assert isinstance(open_oidc(services), Oidc)
    app.state.oidc = oidc(issuer, services.clock)

    client = TestClient(app)
    assert client.get("/api/v1/tokens").status_code == 401
    headers = {"Authorization": f"Bearer {issuer.sign(services.clock.now())}"}
    assert client.get("/api/v1/tokens", headers=headers).status_code == 200
    assert client.get("/api/v1/tokens", headers={"Authorization": "Bearer a.b.c"}).status_code == 401
    services.ledger.close()
