"""`python -m tests.chaos --minutes N --seed S --mode sqs|direct`: exits 0 if all requirements are met."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos import footage, run
from tests.chaos.disturbances import Mode
from tests.chaos.report import Figures, as_json, insert_table, table

_ROOT = Path(__file__).resolve().parents[2]
RESULTS = _ROOT / "benchmarks" / "chaos.json"
_OUTPUT = sys.stdout  # the Lambda functions of a run print to another file
PAGE = _ROOT / "docs" / "explanation" / "chaos.md"


def main() -> int:
    """Run a chaos test with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="minutes of disturbances")
    parser.add_argument("--seed", type=int, default=None, help="the seed of the schedule (printed)")
    parser.add_argument("--mode", choices=[str(mode) for mode in Mode], default=str(Mode.SQS))
    parser.add_argument("--write", action="store_true", help="write the table to the documentation")
    parser.add_argument("--folder", type=Path, default=None, help="an empty folder to use, which is kept")
    options = parser.parse_args()
    if options.folder is not None and options.folder.exists() and any(options.folder.iterdir()):
        parser.error(f"{options.folder} is not empty")
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    folder = options.folder or Path(tempfile.mkdtemp(prefix="eddyline-chaos-"))
    _write_line(f"chaos: {options.minutes:g} minutes, mode {options.mode}, --seed {seed}, in {folder}")
    first, *others = footage.clips(folder / "footage", long=True)
    real = footage.real()
    names = ", ".join(path.name for path in real)
    _write_line(f"real footage: {names or 'none (set EDDYLINE_SAMPLES)'}")
    setting = run.Setting(
        folder=folder,
        sources=[first, *real, *others],
        mode=Mode(options.mode),
        seed=seed,
        seconds=options.minutes * 60,
    )
    figures = run.run(setting, _write_line)
    _show(figures, folder)
    if options.write and figures.passed:
        PAGE.write_text(insert_table(PAGE.read_text(), figures))
    if figures.passed and options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if figures.passed else 1


def _show(figures: Figures, folder: Path) -> None:
    _write_line(f"\n{table(figures)}\n")
    RESULTS.write_text(json.dumps(as_json(figures), indent=2) + "\n")
    for violation in figures.violations:
        _write_line(f"VIOLATION: {violation}")
    _write_line("all requirements were met" if figures.passed else f"see the logs in {folder}")


def _write_line(line: str) -> None:
    _OUTPUT.write(f"{line}\n")
    _OUTPUT.flush()


if __name__ == "__main__":
    sys.exit(main())
