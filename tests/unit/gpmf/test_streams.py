from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.core.errors import UnsupportedError

PayloadBuilder = Callable[..., bytes]


def test_a_stream_covers_the_whole_recording(ramp: PayloadBuilder) -> None:
    telemetry = gpmf.read_payloads(ramp([3, 2, 4]))
    stream = telemetry.streams["ACCL"]
    assert len(stream) == 9
    assert stream.raw.dtype == np.dtype("int16")
    assert stream.raw[:, 0].tolist() == list(range(9))
    assert stream.values[:, 0].tolist() == [i / 10 for i in range(9)]
    assert stream.units == ("m/s²",)


def test_each_element_has_its_own_scale(payload: PayloadBuilder) -> None:
    gps = gpmf.stream("GPS5", "l", [[10_000_000, 20, 3000, 4000, 500]], scale=[1e7, 10, 1000, 1000, 100])
    values = gpmf.read_payloads(payload([gps])).streams["GPS5"].values
    assert values.tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0]]


def test_a_scale_may_be_a_fraction_or_change_during_the_recording(payload: PayloadBuilder) -> None:
    first = payload([gpmf.stream("ACCL", "s", [[10, 10, 10]], scale=[0.5])])
    second = payload([gpmf.stream("ACCL", "s", [[10, 10, 10]], scale=[4.0])])
    values = gpmf.read_payloads(first + second).streams["ACCL"].values
    assert values[:, 0].tolist() == [20.0, 2.5]


def test_a_scale_of_text_is_ignored(payload: PayloadBuilder) -> None:
    letters = gpmf.leaf("SCAL", "c", "Y")
    stream = gpmf.stream("ACCL", "s", [[7, 7, 7]], modifiers=[letters])
    assert gpmf.read_payloads(payload([stream])).streams["ACCL"].values.tolist() == [[7.0, 7.0, 7.0]]


def test_a_scale_of_zero_is_ignored(payload: PayloadBuilder) -> None:
    values = (
        gpmf.read_payloads(payload([gpmf.stream("ACCL", "s", [[7, 7, 7]], scale=[0])])).streams["ACCL"].values
    )
    assert values.tolist() == [[7.0, 7.0, 7.0]]


def test_modifiers_apply_until_a_later_payload_changes_them(payload: PayloadBuilder) -> None:
    loud = payload(
        [gpmf.stream("ACCL", "s", [[10, 10, 10]], scale=[10], name="Accelerometer", units=["m/s²"])]
    )
    silent = payload([gpmf.stream("ACCL", "s", [[20, 20, 20]])])
    stream = gpmf.read_payloads(loud + silent).streams["ACCL"]
    assert stream.values[:, 0].tolist() == [1.0, 2.0]
    assert (stream.name, stream.units) == ("Accelerometer", ("m/s²",))


def test_each_klv_of_a_repeated_key_is_a_time_step(payload: PayloadBuilder) -> None:
    steps = [[("SNOW", 0.5), ("URBA", 0.25)], [("SNOW", 0.75)], []]
    stream = gpmf.stream("SCEN", "?", steps, complex_type="Ff", stepped=True, total=3)
    scenes = gpmf.read_payloads(payload([stream])).streams["SCEN"]
    assert len(scenes) == 3
    assert scenes.steps is not None
    assert scenes.steps.tolist() == [0, 2, 3, 3]
    assert scenes.texts(0) == ["SNOW", "URBA", "SNOW"]
    assert scenes.values[:, 1].tolist() == [0.5, 0.25, 0.75]
    assert np.isnan(scenes.values[:, 0]).all()


def test_a_repeat_of_zero_keeps_a_steps_time(payload: PayloadBuilder) -> None:
    faces = gpmf.stream("FACE", "?", [[], [(1, 0.5)], []], complex_type="Lf", stepped=True, total=3)
    stream = gpmf.read_payloads(payload([faces])).streams["FACE"]
    assert len(stream) == 3
    assert stream.times.tolist() == pytest.approx([0.0, 1.001 / 3, 2.002 / 3])
    assert stream.column(0).tolist() == [1]


def test_the_running_total_distinguishes_one_step_from_many_samples(payload: PayloadBuilder) -> None:
    many = gpmf.stream(
        "FACE", "?", [[(1, 0.5)], [(1, 0.5), (2, 0.5)]], complex_type="Lf", stepped=True, total=2
    )
    lone = gpmf.stream("FACE", "?", [[(1, 0.5), (2, 0.5)]], complex_type="Lf", stepped=True, total=3)
    stream = gpmf.read_payloads(payload([many]) + payload([lone])).streams["FACE"]
    assert len(stream) == 3
    assert stream.steps is not None
    assert stream.steps.tolist() == [0, 1, 3, 5]


def test_an_empty_payload_adds_no_sample(payload: PayloadBuilder) -> None:
    full = gpmf.stream(
        "SCPR", "?", [(1, 2.0)], complex_type="Lf", total=1, modifiers=[gpmf.leaf("EMPT", "L", 0)]
    )
    empty = gpmf.stream("SCPR", "?", [], complex_type="Lf", total=1, modifiers=[gpmf.leaf("EMPT", "L", 1)])
    stream = gpmf.read_payloads(payload([full]) + payload([empty]) + payload([full])).streams["SCPR"]
    assert len(stream) == 2


def test_a_sensor_that_skips_a_payload_adds_no_sample(payload: PayloadBuilder) -> None:
    full, empty = (
        gpmf.stream("WBAL", "S", [5000]),
        gpmf.nest("STRM", [gpmf.Klv(key="WBAL", type="S", size=2)]),
    )
    assert len(gpmf.read_payloads(payload([full]) + payload([empty])).streams["WBAL"]) == 1


def test_the_later_of_two_devices_has_its_name_in_the_label(payload: PayloadBuilder) -> None:
    camera = payload([gpmf.stream("GYRO", "s", [[1, 2, 3]])])
    drone = payload([gpmf.stream("GYRO", "s", [[4, 5, 6]])], device=2, name="Drone")
    telemetry = gpmf.read_payloads((camera + drone) * 2)
    assert list(telemetry.streams) == ["GYRO", "GYRO@Drone"]
    assert telemetry.streams["GYRO@Drone"].raw.tolist() == [[4, 5, 6]] * 2
    assert telemetry.summary()["streams"]["GYRO@Drone"]["device"] == "Drone"
    assert len(telemetry.payloads) == 2


def test_two_streams_of_one_device_with_the_same_key_are_separate(payload: PayloadBuilder) -> None:
    both = [gpmf.stream("CORI", "s", [1]), gpmf.stream("CORI", "s", [2])]
    telemetry = gpmf.read_payloads(payload(both) * 2)
    assert [stream.raw.ravel().tolist() for stream in telemetry.streams.values()] == [[1, 1], [2, 2]]
    assert list(telemetry.streams) == ["CORI", "CORI@Camera"]


def test_a_device_may_be_named_by_four_characters(payload: PayloadBuilder) -> None:
    telemetry = gpmf.read_payloads(payload([gpmf.stream("ABCD", "B", [1])], device="SENS"))
    assert telemetry.devices[0].id == "SENS"


def test_third_party_streams_are_read_like_any_other(payload: PayloadBuilder) -> None:
    stream = gpmf.stream(
        "acc1", "b", [list(range(16))], modifiers=[gpmf.leaf("MFGI", "b", [[48, 50], [48, 48]])]
    )
    assert gpmf.read_payloads(payload([stream])).streams["acc1"].raw.tolist() == [list(range(16))]


def test_an_unknown_type_is_kept_as_bytes_with_a_warning(payload: PayloadBuilder) -> None:
    strange = gpmf.nest("STRM", [gpmf.Klv(key="ZZZZ", type="~", size=3, repeat=2, data=b"abcdef")])
    telemetry = gpmf.read_payloads(payload([strange]))
    assert bytes(telemetry.streams["ZZZZ"].raw.tobytes()) == b"abcdef"
    assert "cannot be decoded" in str(telemetry.warnings[0])


def test_a_stream_without_samples_is_empty(payload: PayloadBuilder) -> None:
    only_a_name = gpmf.nest("STRM", [gpmf.leaf("STNM", "c", "3A STATS")])
    assert not gpmf.read_payloads(payload([only_a_name])).streams


def test_a_changed_type_is_an_error_or_leniently_ignored(payload: PayloadBuilder) -> None:
    data = payload([gpmf.stream("ISOE", "L", [1, 2])]) + payload([gpmf.stream("ISOE", "S", [3])])
    with pytest.raises(gpmf.GpmfError, match="in a stream of"):
        gpmf.read_payloads(data)
    lenient = gpmf.read_payloads(data, lenient=True)
    assert lenient.streams["ISOE"].raw.ravel().tolist() == [1, 2]
    assert lenient.warnings


def test_empty_structures_are_not_samples(payload: PayloadBuilder) -> None:
    empty_structures = gpmf.nest("STRM", [gpmf.Klv(key="BOMB", type="B", size=0, repeat=65535)] * 100)
    stream = gpmf.read_payloads(payload([empty_structures])).streams["BOMB"]
    assert len(stream) <= 100
    assert not stream.values.size


def test_each_letter_of_a_unit_is_the_unit_of_one_element(payload: PayloadBuilder) -> None:
    stream = gpmf.stream("SYST", "?", [(1, 2)], complex_type="JJ", modifiers=[gpmf.leaf("UNIT", "c", "ss")])
    assert gpmf.read_payloads(payload([stream])).streams["SYST"].units == ("s", "s")


def test_modifiers_of_each_payload_are_available(payload: PayloadBuilder) -> None:
    warm = payload([gpmf.stream("ACCL", "s", [[1, 2, 3]], modifiers=[gpmf.leaf("TMPC", "f", 31.5)])])
    plain = payload([gpmf.stream("ACCL", "s", [[1, 2, 3]])])
    stream = gpmf.read_payloads(warm + plain).streams["ACCL"]
    np.testing.assert_array_equal(stream.numbers("TMPC"), [31.5, np.nan])
    assert [node is None for node in stream.modifier("TMPC")] == [False, True]


@pytest.mark.parametrize(
    ("stored", "expected", "row"),
    [
        ("YxZ", "XYZ", [-2, 1, 3]),
        ("ZXY", "XYZ", [2, 3, 1]),
        ("yXZ", "XYZ", [2, -1, 3]),
        ("YxZ", "ZXY", [3, -2, 1]),
    ],
)
def test_axes_are_reordered_on_request(
    payload: PayloadBuilder, stored: str, expected: str, row: list[float]
) -> None:
    stream = gpmf.stream("ACCL", "s", [[1, 2, 3]], modifiers=[gpmf.leaf("ORIN", "c", stored)])
    assert gpmf.read_payloads(payload([stream])).streams["ACCL"].oriented(expected).tolist() == [row]


def test_the_matrix_is_equivalent_to_orin(payload: PayloadBuilder) -> None:
    matrix = gpmf.leaf("MTRX", "f", [[0, 0, 1, 0, -1, 0, 1, 0, 0]])  # HERO7's
    stream = gpmf.stream("ACCL", "s", [[1, 2, 3]], modifiers=[matrix, gpmf.leaf("ORIO", "c", "ZXY")])
    assert gpmf.read_payloads(payload([stream])).streams["ACCL"].axis_order == "YxZ"


@pytest.mark.parametrize(("name", "order"), [("Camera", "ZXY"), ("Fusion", "yXZ"), ("Hero6 Black", "YxZ")])
def test_cameras_without_orin_have_a_known_order(payload: PayloadBuilder, name: str, order: str) -> None:
    data = payload([gpmf.stream("GYRO", "s", [[1, 2, 3]])], name=name)
    assert gpmf.read_payloads(data).streams["GYRO"].axis_order == order


def test_an_unknown_order_is_an_error(payload: PayloadBuilder) -> None:
    stream = gpmf.read_payloads(payload([gpmf.stream("GYRO", "s", [[1, 2, 3]])], name="Unknown")).streams[
        "GYRO"
    ]
    with pytest.raises(UnsupportedError, match="axis order"):
        stream.oriented()
    assert stream.oriented(stored="ZXY").tolist() == [[2, 3, 1]]
