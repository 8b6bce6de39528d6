import textwrap
from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.core.settings_file import read_settings
from eddyline.sim.workload.workload import Workload


def workload_of(path: Path, text: str) -> Workload:
    path.write_text(text, "utf-8")
    return read_settings(path, remedy="see docs/reference/scenarios.md").validate(Workload)


def test_an_empty_section_is_a_workload_of_200_slots_for_12_hours() -> None:
    workload = Workload.model_validate({})
    assert workload.slots == 200
    assert workload.end_s() == 12 * 3600
    assert workload.end_s(7200.0) == 7200
    assert workload.encode_fps() == 22
    assert workload.work_per_minute() == pytest.approx(3600 / 22)
    assert workload.chunks_per_minute() == pytest.approx(3600 / 22 / 40)


def test_hours_go_before_the_length_of_the_market() -> None:
    assert Workload.model_validate({"hours": 2}).end_s(60.0) == 7200


def test_all_keys_can_be_set_in_yaml(tmp_path: Path) -> None:
    workload = workload_of(
        tmp_path / "w.yaml",
        """\
slots: 400
load: 0.7
hours: 24
shape: weekly
peak_to_mean: {day: 3, week: 1.5}
peak_at: {day_h: 18, week_d: 5}
bursts: {every_h: 6, factor: 4, length_s: 300}
sizes: {median_minutes: 2, sigma: 0.5, most_minutes: 30}
chunk_s: 30
chunk_sigma: 0.1
codecs: {h264: {share: 3}, av1: {share: 1, factor: 2.5}}
owners: {count: 3, zipf: 0, priorities: [0, 100]}
frames_per_second: 30
encode_speed: 44
""",
    )
    assert workload.owners.priorities == (0, 100)
    assert workload.encode_fps() == 44


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slots: -1", "1: slots: Input should be greater than 0"),
        ("slots: .inf", "1: slots"),
        ("hours: 9601", "1: hours"),
        ("hours: .nan", "1: hours"),
        ("speed: 3", "1: speed: unknown key"),
        ("sizes: {median_minutes: 90}", "sizes.most_minutes: must be at least median_minutes"),
        ("bursts: {every_h: 0.1, length_s: 361}", "bursts.length_s: must be at most the time between"),
        ("encode_speed: 2\nscale_by: results.json", "2: scale_by: is for a measured speed"),
        ("peak_to_mean: {day: 0.5}", "peak_to_mean.day"),
        ("codecs: {}", "codecs"),
        ("codecs: {'../x': {}}", "codecs"),
        ("owners: {priorities: []}", "owners.priorities"),
    ],
)
def test_a_bad_value_is_refused_with_its_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        workload_of(tmp_path / "w.yaml", text)
    assert message in str(raised.value)


def test_paths_are_taken_from_the_directory_of_the_scenario(tmp_path: Path) -> None:
    workload = Workload.model_validate({"scale_by": "results.json"}).beside(tmp_path)
    assert workload.scale_by == str(tmp_path / "results.json")
    (tmp_path / "results.json").write_text('{"encode.frames_per_cpu_s": 20.5}')
    assert workload.encode_fps() == 41


PAGE = Path(__file__).parents[4] / "docs/reference/scenarios.md"


def test_the_page_lists_every_key() -> None:
    rows = {line.split("`")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")}
    assert rows >= set(Workload.model_fields)


def test_the_example_on_the_page_is_valid(tmp_path: Path) -> None:
    example = PAGE.read_text("utf-8").split("```yaml\nworkload:\n")[1].split("```")[0]
    assert workload_of(tmp_path / "w.yaml", f"{textwrap.dedent(example)}").owners.count == 50
