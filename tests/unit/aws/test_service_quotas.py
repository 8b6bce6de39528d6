"""The quotas of the account are read one by one; a missing one has AWS' default."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.aws_control_plane import ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel

from eddyline.aws.client_errors import translate_service_errors
from eddyline.aws.clients import open_client
from eddyline.aws.service_quotas import granted_vcpu
from eddyline.core.errors import TransientError, UsageError


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    fleet = FleetModel(effects=Recorded())
    fleet.quotas = {"L-34B43A08": 256.0}
    fleet.default_quotas = {"L-34B43A08": 5.0, "L-3819A6DF": 0.0}
    with control_plane(fleet) as found:
        yield found


def test_the_value_of_the_account_counts_then_the_default(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in plane.environment.items():
        monkeypatch.setenv(name, value)
    codes = ["L-34B43A08", "L-3819A6DF", "L-00000000"]
    assert granted_vcpu(open_client("service-quotas", region="us-east-1"), codes) == {
        "L-34B43A08": 256,
        "L-3819A6DF": 0,
    }


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("AccessDeniedException", UsageError, "allow this role servicequotas:GetServiceQuota"),
        ("ServiceException", TransientError, "reading quota L-34B43A08: .*injected"),
    ],
)
def test_a_refused_call_names_what_to_do(
    plane: ControlPlane, code: str, error: type[Exception], message: str
) -> None:
    plane.fail("service-quotas", "GetServiceQuota", code)
    with pytest.raises(error, match=message):
        granted_vcpu(plane.client("service-quotas"), ["L-34B43A08"])


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), translate_service_errors("dividing"):
        raise ZeroDivisionError
