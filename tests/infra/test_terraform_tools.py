"""Where Terraform and its provider are looked for, and what happens without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra import check, terraform_tools
from infra.running_provider import REATTACH, provider_program, running_provider
from infra.terraform_tools import MissingProgramError, Terraform

UNPACKED = "host.example/hashicorp/aws/5.100.0/linux_amd64/terraform-provider-aws_v5.100.0_x5"
PACKED = "host.example/hashicorp/aws/terraform-provider-aws_5.100.0_linux_amd64.zip"


def machine(tmp_path: Path, **variables: str) -> dict[str, str]:
    """The environment of a machine that has Terraform and an empty home directory."""
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return {"PATH": str(program.parent), "HOME": str(tmp_path / "home"), **variables}


def provider(directory: Path, layout: str = UNPACKED) -> Path:
    path = directory / layout
    path.parent.mkdir(parents=True)
    path.touch()
    return directory


@pytest.mark.parametrize("layout", [UNPACKED, PACKED])
def test_the_variable_names_the_mirror(tmp_path: Path, layout: str) -> None:
    mirror = provider(tmp_path / "mirror", layout)
    found = Terraform.find(machine(tmp_path, TF_PLUGIN_MIRROR=str(mirror)))
    assert found.mirror == mirror
    assert f'path = "{mirror}"' in found.cli_configuration()
    assert "disable_checkpoint = true" in found.cli_configuration()


def test_the_plugin_folder_of_the_user_is_found(tmp_path: Path) -> None:
    environment = machine(tmp_path)
    mirror = provider(tmp_path / "home" / ".terraform.d" / "plugins")
    assert Terraform.find(environment).mirror == mirror


def test_a_wrong_variable_is_not_replaced_by_another_folder(tmp_path: Path) -> None:
    environment = machine(tmp_path, TF_PLUGIN_MIRROR=str(tmp_path / "empty"))
    provider(tmp_path / "home" / ".terraform.d" / "plugins")
    with pytest.raises(MissingProgramError, match="TF_PLUGIN_MIRROR"):
        Terraform.find(environment)


def test_the_provider_can_be_downloaded(tmp_path: Path) -> None:
    found = Terraform.find(machine(tmp_path, TF_PLUGIN_MIRROR="download"))
    assert found.mirror is None
    assert "direct {}" in found.cli_configuration()


def test_without_terraform_the_message_says_what_to_install() -> None:
    with pytest.raises(MissingProgramError, match="install version"):
        Terraform.find({"PATH": "/nonexistent"})


def test_a_check_that_cannot_run_is_reported_as_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    one = check.Check(name="fmt", run=check.check_format)
    monkeypatch.setattr(check, "checks", lambda: (one,))
    assert check.main() == 0
    assert "SKIPPED  fmt: Terraform is not on the PATH" in capsys.readouterr().out


def test_a_failed_check_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise terraform_tools.CheckError("the reason")

    monkeypatch.setattr(check, "checks", lambda: (check.Check(name="one", run=fail),))
    assert check.main() == 1
    assert "FAILED   one: the reason" in capsys.readouterr().out


def test_variables_of_the_user_do_not_reach_terraform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_VAR_name", "x")
    monkeypatch.setenv("AWS_PROFILE", "production")
    workspace = Terraform(program="terraform", mirror=None).copy_of_modules(tmp_path / "copy", tmp_path)
    environment = workspace.environment()
    assert not {"TF_VAR_name", "AWS_PROFILE"} & set(environment)
    assert Path(environment["TF_CLI_CONFIG_FILE"]).read_text() == workspace.terraform.cli_configuration()


def test_a_failed_assertion_is_shown_without_plans(tmp_path: Path) -> None:
    program = tmp_path / "terraform"
    program.write_text(
        """#!/bin/sh
echo '{"@testrun":"one","test_plan":{"output_changes":{},"provider_schemas":{"x":1}},"type":"test_plan"}'
echo '{"@message":"another name","type":"diagnostic"}'
exit $(cat status)
"""
    )
    program.chmod(0o755)
    workspace = Terraform(program=str(program), mirror=None).copy_of_modules(tmp_path / "copy", tmp_path)
    (workspace.root / "module").mkdir()
    (workspace.root / "module" / "status").write_text("0")
    assert workspace.plans("module", "tests/x.tftest.hcl") == {"one": {"output_changes": {}}}
    (workspace.root / "module" / "status").write_text("1")
    with pytest.raises(terraform_tools.CheckError) as caught:
        workspace.plans("module", "tests/x.tftest.hcl")
    assert "another name" in str(caught.value)
    assert "schemas" not in str(caught.value)


@pytest.mark.parametrize("writes", [True, False])
def test_the_provider_runs_until_the_end_of_the_block(tmp_path: Path, *, writes: bool) -> None:
    program = tmp_path / UNPACKED
    program.parent.mkdir(parents=True)
    line = "echo \"\tTF_REATTACH_PROVIDERS='{$1 $VARIABLE}'\"; sleep 100" if writes else "exit 1"
    program.write_text(f"#!/bin/sh\necho $$ > pid\n{line}\n")
    program.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "VARIABLE": "x"}
    with running_provider(tmp_path, tmp_path, environment) as variables:
        assert variables == ({REATTACH: "{-debug x}"} if writes else {})
        assert Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists() == writes
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_packed_provider_is_left_to_terraform(tmp_path: Path) -> None:
    mirror = provider(tmp_path / "mirror", PACKED)
    with running_provider(mirror, tmp_path, {}) as variables:
        assert variables == {}
    assert provider_program(None) is None


def test_commands_get_the_running_provider_and_initialization_does_not(tmp_path: Path) -> None:
    """Only a provider that Terraform starts is compared with the required version."""
    program = tmp_path / "terraform"
    program.write_text('#!/bin/sh\ntouch .terraform.lock.hcl\necho "$1 $TF_REATTACH_PROVIDERS" >> calls\n')
    program.chmod(0o755)
    workspace = Terraform(program=str(program), mirror=None).copy_of_modules(tmp_path / "copy", tmp_path)
    (workspace.root / "module").mkdir()
    attached = replace(workspace, provider={REATTACH: "{}"})
    attached.initialize("module")
    attached.run("module", "test")
    assert (workspace.root / "module" / "calls").read_text() == "init \ntest {}\n"
