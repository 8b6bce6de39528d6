"""What FFmpeg prints decides whether a device is broken, or has no free encoder session."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import ToolError
from eddyline.media.video.device_errors import (
    DeviceError,
    EncoderSessionsError,
    classify_device_error,
)


def _error(stderr: str) -> ToolError:
    return ToolError("ffmpeg failed", argv=("ffmpeg",), status=1, stderr=stderr)


@pytest.mark.parametrize(
    "stderr",
    [
        (
            "[h264_nvenc @ 0x55] OpenEncodeSessionEx failed: out of memory (10): (no details)\n"
            "[vost#0:0/h264_nvenc @ 0x55] Error while opening encoder: Cannot allocate memory"
        ),
        "[hevc_nvenc @ 0x1] OpenEncodeSessionEx failed: incompatible client key (21): (no details)",
        (
            "[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: out of memory (10)\n"
            "[h264_nvenc @ 0x1] No capable devices found"
        ),
        "[h264_nvenc @ 0x1] No capable devices found",
        "[h264_nvenc @ 0x1] dl_fn->cuda_dl->cuCtxCreate failed -> CUDA_ERROR_OUT_OF_MEMORY: out of memory",
    ],
)
def test_missing_sessions_may_be_free_later(stderr: str) -> None:
    found = classify_device_error(_error(stderr))
    assert isinstance(found, EncoderSessionsError)
    assert found.retry
    assert "slot.encoder_sessions" in found.remedy


@pytest.mark.parametrize(
    ("stderr", "named"),
    [
        ("[h264_nvenc @ 0x1] Cannot load libcuda.so.1", "libcuda.so.1"),
        ("[h264_nvenc @ 0x1] Cannot load libnvidia-encode.so.1\nNo capable devices found", "encode.so.1"),
        ("cu->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected", "NO_DEVICE"),
        ("first\n[x @ 0x1] cuMemcpy failed -> CUDA_ERROR_LAUNCH_FAILED: unspecified", "LAUNCH_FAILED"),
        ("[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: unsupported device (2): (no details)", "device (2)"),
        ("[h264_nvenc @ 0x1] EncodePicture failed!: generic error (20)", "EncodePicture"),
        (
            "CUDA_ERROR_UNKNOWN\n[h264_nvenc @ 0x1] OpenEncodeSessionEx failed: out of memory (10)",
            "UNKNOWN",
        ),
        ("Driver does not support the required nvenc API version. Required: 13.0", "API version"),
        ("[h264_qsv @ 0x1] Error initializing an internal MFX session: unsupported (-3)", "MFX session"),
        ("[h264_qsv @ 0x1] Error during encoding: device failed (-17)", "device failed"),
        ("[AVHWDeviceContext @ 0x1] No VA display found for device /dev/dri/renderD128.", "renderD128"),
        ("implib-gen: libva-drm.so.2: failed to load library 'libva-drm.so.2' via dlopen", "libva-drm"),
        ("Device creation failed: -542398533.", "Device creation failed"),
        ("[h264_vaapi @ 0x1] Failed to end picture encode issue: 23", "picture encode"),
    ],
)
def test_a_broken_device_is_recognised_with_its_message(stderr: str, named: str) -> None:
    found = classify_device_error(_error(stderr))
    assert isinstance(found, DeviceError)
    assert named in found.message
    assert found.stderr == stderr
    assert "driver" in found.remedy


@pytest.mark.parametrize(
    "stderr",
    ["", "moov atom not found", "No space left on device", "Cannot allocate memory", "Invalid data found"],
)
def test_other_failures_say_nothing_about_the_device(stderr: str) -> None:
    assert classify_device_error(_error(stderr)) is None


def test_the_packaged_ffmpeg_without_a_gpu_is_a_broken_device(ffmpeg: str) -> None:
    from eddyline.core.processes.runner import Runner

    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has an NVIDIA GPU")
    source = ("-f", "lavfi", "-i", "color=size=320x180:rate=25:duration=0.2")
    argv = (ffmpeg, "-nostdin", "-v", "error", *source, "-c:v", "h264_nvenc", "-f", "null", "-")
    with pytest.raises(ToolError) as caught:
        Runner().run(argv)
    assert isinstance(classify_device_error(caught.value), DeviceError)
