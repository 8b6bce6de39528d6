"""Classifies failures of hardware encoders by what FFmpeg prints: too many sessions, or a broken device.

The messages are those of FFmpeg 9 (libavcodec/nvenc.c, qsvenc.c, vaapi_encode.c, libavutil/hwcontext_*.c)
and of NVIDIA's driver. An ioctl that fails in the kernel ("Xid") is seen by FFmpeg as a CUDA error.
"""

from __future__ import annotations

import re

from eddyline.core.errors import ToolError, TransientError


class EncoderSessionsError(TransientError):
    """The device has no free encoder session, or no memory for another one: it works, but not now."""

    default_remedy = (
        "set slot.encoder_sessions of the pool to the number of sessions that the device allows, or lower "
        "slot.most; the job is run again"
    )


class DeviceError(ToolError):
    """The GPU, its driver or its encoder failed: the CPU must encode what it should have encoded."""


# NVENC reports the limit of sessions as "out of memory" (go-livepeer#2230), and older drivers as an
# "incompatible client key"; with "-gpu any", FFmpeg then adds that no capable device was found.
_SESSIONS = re.compile(
    r"OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)"
    r"|No capable devices found"
    r"|CUDA_ERROR_OUT_OF_MEMORY"
)
_DEVICE = re.compile(
    r"CUDA_ERROR_(?!OUT_OF_MEMORY)"
    r"|\bXid\b"
    r"|failed to load library"
    r"|Cannot load (?:lib)?(?:cuda|nvcuda|nvidia-encode|nvEncodeAPI|nvcuvid)"
    r"|OpenEncodeSessionEx failed|InitializeEncoder failed|EncodePicture failed"
    r"|(?:LockBitstream|MapInputResource|CreateInputBuffer|LockInputBuffer) failed"
    r"|[Ff]ailed locking bitstream"
    r"|Driver does not support the required nvenc API version|The minimum required Nvidia driver"
    r"|Codec not supported|Provided device doesn't support required NVENC features"
    r"|Device creation failed|Failed to set value '[^']*' for option 'init_hw_device'"
    r"|No VA display found|Failed to initiali[sz]e VAAPI|vaInitialize|Failed to (?:begin|end) picture encode"
    r"|[Ff]ailed to sync surface|Failed to create (?:encode|VAAPI)"
    r"|Error (?:initializing|creating) an? (?:internal )?MFX session|Error initializing the encoder"
    r"|device failed|[Gg][Pp][Uu] hang|hardware device lost|encoder hardware"
)


def classify_device_error(error: ToolError) -> EncoderSessionsError | DeviceError | None:
    """What a failed command with hardware encoders says about the device; None: nothing.

    A broken device counts first: its driver may report missing sessions as a consequence.
    """
    if broken := _DEVICE.search(_SESSIONS.sub("", error.stderr)):
        return DeviceError(
            f"the GPU cannot be used: {_line(error.stderr, broken[0])}",
            argv=error.argv,
            status=error.status,
            stderr=error.stderr,
            remedy="check the driver (nvidia-smi or vainfo) and the kernel's log, and replace the machine",
        )
    if found := _SESSIONS.search(error.stderr):
        return EncoderSessionsError(f"no encoder session is free on the GPU: {_line(error.stderr, found[0])}")
    return None


def _line(text: str, part: str) -> str:
    """The line that contains `part`."""
    return next((line.strip()[:200] for line in text.splitlines() if part in line), part)
