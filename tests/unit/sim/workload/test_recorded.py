import json
from pathlib import Path
from typing import Any

import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.workload import recorded_arrivals
from eddyline.sim.workload.arrivals import arrivals, iter_arrivals
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.recorded_file import read_recorded, write_recorded
from eddyline.sim.workload.workload import Workload


def replay(path: Path, end_s: float = 3600.0, **keys: Any) -> list[AssetArrival]:
    return arrivals(Workload.model_validate({"recorded": str(path), **keys}), seed=1, end_s=end_s)


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_json_lines_are_replayed_in_the_order_of_their_times(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl",
        '{"at_s": 20, "chunks": [40.5, 38], "codec": "av1", "owner": "ada", "priority": 100}\n'
        "\n"
        '{"at_s": 3.5, "chunks": [1]}\n'
        '{"at_s": 3600, "chunks": [1]}\n',
    )
    assert replay(path) == [
        AssetArrival(3.5, "", "h264", 0, (1.0,)),
        AssetArrival(20.0, "ada", "av1", 100, (40.5, 38.0)),
    ]


def test_a_csv_file_says_the_same(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv",
        'at_s,chunks,codec,owner,priority\n20,40.5 38,av1,"ada, b",100\n3.5,1,,,\n3600,1,,,\n\n',
    )
    assert replay(path) == [
        AssetArrival(3.5, "", "h264", 0, (1.0,)),
        AssetArrival(20.0, "ada, b", "av1", 100, (40.5, 38.0)),
    ]


def test_minutes_become_chunks_by_the_encode_speed_and_the_codec(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "at_s,minutes,codec\n0,2,\n1,2,av1\n")
    keys: dict[str, Any] = {
        "encode_speed": 60,
        "chunk_sigma": 0,
        "codecs": {"h264": {}, "av1": {"factor": 3}},
    }
    first, second = replay(path, **keys)
    assert first.chunks == pytest.approx((40.0, 40.0, 40.0))
    assert second.chunks == pytest.approx((40.0,) * 9)


def test_minutes_vary_by_the_seed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "at_s,minutes\n0,10\n")
    workload = Workload.model_validate({"recorded": str(path)})
    one = arrivals(workload, seed=1, end_s=60.0)
    assert one == list(iter_arrivals(workload, seed=1, end_s=60.0))
    assert one != arrivals(workload, seed=2, end_s=60.0)
    assert len(set(one[0].chunks)) == len(one[0].chunks)


def test_a_codec_without_a_factor_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "at_s,minutes,codec\n0,2,vp9\n")
    with pytest.raises(UsageError, match="'vp9', which is not in the workload's codecs"):
        replay(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "a.jsonl:2: not JSON"),
        ("[" * 5000, "a.jsonl:2: not JSON"),
        ("[]", "a.jsonl:2: "),
        ('{"at_s": 1}', "a.jsonl:2: either minutes or chunks is required"),
        ('{"at_s": 1, "minutes": 1, "chunks": [1]}', "a.jsonl:2: either minutes or chunks"),
        ('{"at_s": -1, "minutes": 1}', "a.jsonl:2: at_s"),
        ('{"at_s": NaN, "minutes": 1}', "a.jsonl:2: not JSON"),
        ('{"at_s": "1", "minutes": 1}', "a.jsonl:2: at_s"),
        ('{"at_s": 1e300, "minutes": 1}', "a.jsonl:2: at_s"),
        ('{"at_s": 1, "chunks": []}', "a.jsonl:2: chunks"),
        ('{"at_s": 1, "chunks": [0]}', "a.jsonl:2: chunks.0"),
        ('{"at_s": 1, "minutes": 1, "codex": ""}', "a.jsonl:2: codex: unknown key"),
        ('{"at_s": 1, "minutes": 1, "priority": 1.5}', "a.jsonl:2: priority"),
        (json.dumps({"at_s": 1, "chunks": [1] * 20_001}), "a.jsonl:2: chunks"),
        (" " * (1024 * 1024 + 1), "a.jsonl:2: longer than 1048576"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"at_s": 0, "minutes": 1}\n' + line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(UsageError) as raised:
        replay(path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the columns are missing"),
        ("at,minutes\n", "the columns are at, minutes"),
        ("at_s,at_s\n", "each once"),
        ("minutes\n1\n", "at_s is required"),
        ("at_s,minutes\n1,2,3\n", ":2: more cells"),
        ("at_s,minutes\n1,nan\n", ":2: minutes"),
        ("at_s,minutes\ninf,1\n", ":2: at_s"),
        ("at_s,chunks\n1,2;3\n", ":2: chunks.0"),
        ('at_s,chunks\n1,"2" x\n', ":2: not CSV"),
        (f"at_s,chunks\n1,{'1 ' * 100_000}\n", ":2: not CSV: field larger"),
    ],
)
def test_a_bad_csv_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        replay(written(tmp_path / "a.csv", text))
    assert message in str(raised.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name, message in [("a.txt", "are .jsonl or .csv files"), ("none.csv", "No such file")]:
        with pytest.raises(UsageError, match=message):
            list(read_recorded(tmp_path / name))
    with pytest.raises(UsageError, match="written to"):
        write_recorded(tmp_path / "a.csv", [])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = arrivals(Workload(slots=20.0), seed=3, end_s=3600.0)
    assert write_recorded(tmp_path / "a.jsonl", found) == len(found)
    assert replay(tmp_path / "a.jsonl") == found


def test_the_number_of_chunks_is_bounded(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "at_s,chunks\n0,1 1\n1,1\n")
    with pytest.raises(UsageError, match="more than 2 chunks arrive before 60 s"):
        recorded_arrivals.replayed(Workload(), path, seed=1, end_s=60.0, most=2)
