"""The exit code of a run shows its outcome, and a run stops on request."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest

from eddyline.cli.run import run_with_display
from eddyline.core.errors import Interrupted
from eddyline.core.stop import Stop
from eddyline.pipeline.runs.events import AssetFailed, Event, RunReport

FAILED = AssetFailed(
    asset="", name="b.mp4", source="b.mp4", job="", reason="it is empty", remedy="copy it again"
)
NOTHING = RunReport(finished=(), failed=(), skipped=())


def test_a_run_without_failures_exits_with_0() -> None:
    assert run_with_display(lambda _stop, _on_event: NOTHING, as_json=False) == 0


def test_a_failure_exits_with_1_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    report = RunReport(finished=(), failed=(FAILED,), skipped=())
    assert run_with_display(lambda _stop, _on_event: report, as_json=False) == 1
    assert "copy it again" in capsys.readouterr().out


def test_the_last_json_line_is_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    def start(_stop: Stop, on_event: Callable[[Event], None]) -> RunReport:
        on_event(FAILED)
        return RunReport(finished=(), failed=(FAILED,), skipped=())

    assert run_with_display(start, as_json=True) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["asset_failed", "finished"]
    assert lines[-1]["failed"][0]["name"] == "b.mp4"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_requests_a_stop_and_sets_the_exit_code(number: int, code: int) -> None:
    def start(stop: Stop, _on_event: Callable[[Event], None]) -> RunReport:
        os.kill(os.getpid(), number)
        assert stop.wait(5)
        return RunReport(finished=(), failed=(), skipped=(), interrupted=stop.reason)

    before = signal.getsignal(number)
    assert run_with_display(start, as_json=False) == code
    assert signal.getsignal(number) is before


def test_a_raised_interruption_is_handled_like_a_reported_one() -> None:
    def start(stop: Stop, _on_event: Callable[[Event], None]) -> RunReport:
        os.kill(os.getpid(), signal.SIGTERM)
        stop.wait(5)
        raise Interrupted("stopped")

    assert run_with_display(start, as_json=True) == 143


def _child(body: str) -> subprocess.Popen[str]:
    code = textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


_STUBBORN = """
    import sys, time
    from eddyline.cli.run import run_with_display
    from eddyline.pipeline.runs.events import RunReport, SourceSkipped
    from pathlib import Path

    def start(stop, on_event):
        on_event(SourceSkipped(path="ready", reason="x"))
        while True:
            time.sleep(0.05)  # never checks the stop

    sys.exit(run_with_display(start, as_json=True))
"""


def test_a_second_ctrl_c_ends_a_run_that_ignores_the_first() -> None:
    with _child(_STUBBORN) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["path"] == "ready"
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert child.poll() is None
        child.send_signal(signal.SIGINT)
        assert child.wait(5) == 130


def test_nohup_is_respected() -> None:
    with _child(
        f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{textwrap.dedent(_STUBBORN)}"
    ) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["path"] == "ready"
        child.send_signal(signal.SIGHUP)
        child.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert child.poll() is None
        child.kill()


def test_a_closed_output_pipe_stops_the_run() -> None:
    body = """
    import sys
    from eddyline.cli.run import run_with_display
    from eddyline.pipeline.runs.events import RunReport, SourceSkipped
    from pathlib import Path

    def start(stop, on_event):
        while not stop.wait(0.01):
            on_event(SourceSkipped(path="x", reason="x"))
        return RunReport(finished=(), failed=(), skipped=(), interrupted=stop.reason)

    import eddyline.cli.main as cli
    sys.argv = ["eddyline", "run"]
    cli.build = lambda _arguments: lambda: sys.exit(run_with_display(start, as_json=True))
    cli.main()
    """
    with _child(body) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["path"] == "x"
        child.stdout.close()
        assert child.wait(10) == 1
