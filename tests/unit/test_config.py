"""Settings are read from the environment together; a wrong name or value is an error with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline import config
from eddyline.core.errors import UsageError


def test_without_variables_every_setting_has_its_default() -> None:
    assert config.read({"PATH": "/bin"}) == config.Settings()


def test_every_variable_sets_its_field() -> None:
    counts = {"EDDYLINE_POISON_AFTER": "7", "EDDYLINE_DEAD_AFTER": "8", "EDDYLINE_SWEEP_STALE_S": "9"}
    limits = {"EDDYLINE_CHAPTERS_WAIT_S", "EDDYLINE_UPLOADS_OPEN"}
    limits |= {name for name in config.VARIABLES if name.startswith(("EDDYLINE_UPLOAD_", "EDDYLINE_QUOTA_"))}
    counts |= dict.fromkeys(limits, "12")
    flags = {"EDDYLINE_ALLOW_HTTP": "1", "EDDYLINE_CLOUDWATCH": "1"}
    others = {
        "EDDYLINE_MACHINE_PRICE": "0.25",
        "EDDYLINE_OUTBOUND_HOSTS": "hooks.internal:8443",
        "EDDYLINE_IMPORT_PREFIXES": "ann=s3://footage/ann",
        "EDDYLINE_ORIGIN": "https://media.example.com",
        "EDDYLINE_TILES": "https://tiles.example.com/{z}/{x}/{y}.png",
    }
    typed = {**counts, **flags, **others}
    found = config.read({**{name: name for name in config.VARIABLES}, **typed})
    assert (found.poison_after, found.dead_after, found.sweep_stale_s) == (7, 8, 9)
    assert (found.upload_max_gib, found.uploads_open, found.quota_assets) == (12.0, 12, 12)
    assert found.machine_price == 0.25
    assert found.allow_http
    assert found.cloudwatch
    assert found.ffmpeg == Path("EDDYLINE_FFMPEG")
    assert (found.store, found.ledger, found.queues) == tuple(
        f"EDDYLINE_{name}" for name in ("STORE", "LEDGER", "QUEUES")
    )


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e10", "much"])
@pytest.mark.parametrize("name", ["QUOTA_GIB", "QUOTA_ASSETS", "UPLOAD_EXPIRES_H"])
def test_a_limit_is_a_positive_number(name: str, value: str) -> None:
    with pytest.raises(UsageError, match="invalid value"):
        config.read({f"EDDYLINE_{name}": value})


@pytest.mark.parametrize("value", ["-0.1", "nan", "inf", "10001", "cheap"])
def test_a_price_is_a_number_of_dollars(value: str) -> None:
    with pytest.raises(UsageError, match="invalid value"):
        config.read({"EDDYLINE_MACHINE_PRICE": value})


def test_an_empty_variable_counts_as_unset() -> None:
    assert config.read({"EDDYLINE_LEDGER": "", "EDDYLINE_DEAD_AFTER": ""}) == config.Settings()


def test_variables_of_the_tests_are_accepted_and_ignored() -> None:
    assert config.read(dict.fromkeys(config.TEST_VARIABLES, "/files")) == config.Settings()


def test_an_unknown_variable_is_an_error_that_lists_the_valid_ones() -> None:
    with pytest.raises(UsageError, match="unknown setting EDDYLINE_STOR ") as caught:
        config.read({"EDDYLINE_STOR": "s3://media"})
    assert "EDDYLINE_STORE" in str(caught.value.remedy)


@pytest.mark.parametrize("value", ["0", "-1", "1001", "1.5", "many", " 3"])
def test_a_count_out_of_range_is_an_error(value: str) -> None:
    with pytest.raises(UsageError, match="EDDYLINE_DEAD_AFTER"):
        config.read({"EDDYLINE_DEAD_AFTER": value})


@pytest.mark.parametrize("value", ["yes", "true", "2"])
def test_a_flag_is_0_or_1(value: str) -> None:
    with pytest.raises(UsageError, match="EDDYLINE_ALLOW_HTTP"):
        config.read({"EDDYLINE_ALLOW_HTTP": value})


def test_hosts_that_webhooks_may_reach_are_written_with_ports() -> None:
    found = config.read({"EDDYLINE_OUTBOUND_HOSTS": "hooks.internal:8443, 10.0.0.7:80"})
    assert found.outbound_hosts == {"hooks.internal:8443", "10.0.0.7:80"}


@pytest.mark.parametrize("value", ["hooks.internal", "http://hooks.internal:80", "a:b"])
def test_a_host_without_a_port_is_an_error(value: str) -> None:
    with pytest.raises(UsageError, match="EDDYLINE_OUTBOUND_HOSTS"):
        config.read({"EDDYLINE_OUTBOUND_HOSTS": value})
