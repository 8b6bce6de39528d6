"""The GPMF keys that Eddyline knows: what each one holds, and the names of its elements.

A new key is a new row. Unknown keys are read as well; their elements are numbered. Units are not listed: the
camera writes them into each stream (SIUN or UNIT, see `Stream.units`), and the scale (SCAL) too. The value
types are in `types.TYPES`, the settings of the camera in `SETTINGS` below and in `camera`.

Source: GPMF introduction, "GPMF Streams" and "GPMF Timing and Clocks" (gopro.github.io/gpmf-parser), and the
stream names (STNM) that cameras write.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StreamKey:
    """A key whose values are samples.

    `elements` names the elements of one row. `stepped`: each sample is a list of any number of rows.
    `position`: the samples are positions.
    """

    key: str
    meaning: str
    elements: tuple[str, ...] = ()
    stepped: bool = False
    position: bool = False


def _stream(
    key: str, meaning: str, elements: str = "", *, stepped: bool = False, position: bool = False
) -> StreamKey:
    names = tuple(elements.split())
    return StreamKey(key=key, meaning=meaning, elements=names, stepped=stepped, position=position)


_GPS = "lat lon alt speed_2d speed_3d"

STREAMS: dict[str, StreamKey] = {
    row.key: row
    for row in (
        # Position
        _stream("GPS5", "GPS position and speed (HERO5 to HERO11)", _GPS, position=True),
        _stream(
            "GPS9",
            "GPS position, speed, date, DOP and fix (HERO11 and later)",
            f"{_GPS} days seconds dop fix",
            position=True,
        ),
        _stream(
            "GLPI",
            "fused position of the Karma drone",
            "time lat lon alt height vx vy vz heading",
            position=True,
        ),
        _stream(
            "GPRI",
            "received GPS position of the Karma drone",
            "time lat lon alt eph epv speed course fix satellites",
            position=True,
        ),
        _stream("BPOS", "position of the Karma controller", position=True),
        # Motion and orientation; the axes of ACCL, GYRO and MAGN are named after their order (see `axes`)
        _stream("ACCL", "acceleration on 3 axes"),
        _stream("GYRO", "rotation rate on 3 axes"),
        _stream("MAGN", "magnetic field on 3 axes"),
        _stream("GRAV", "direction of gravity", "x y z"),
        _stream("CORI", "orientation of the camera, quaternion", "w x y z"),
        _stream("IORI", "orientation of the image relative to the camera, quaternion", "w x y z"),
        # Exposure and image, one sample per video frame
        _stream("SHUT", "exposure time", "exposure"),
        _stream("ISOE", "ISO value", "iso"),
        _stream("ISOG", "gain of the image sensor", "gain"),
        _stream("WBAL", "white balance, colour temperature", "kelvin"),
        _stream("WRGB", "white balance, gains", "red green blue"),
        _stream("YAVG", "average luminance", "luminance"),
        _stream("UNIF", "uniformity of the image", "uniformity"),
        _stream("SROT", "read-out time of the sensor", "read_out"),
        # Image analysis
        _stream("FACE", "detected faces (see `scenes`)", stepped=True),
        _stream("FCNM", "number of faces"),
        _stream("SCEN", "scene classification", "scene probability", stepped=True),
        _stream("HUES", "predominant hues", "hue weight", stepped=True),
        _stream("DISP", "disparity of 360-degree video"),
        # Audio
        _stream("AALP", "audio level", "rms peak"),
        _stream("WNDM", "wind noise processing", "enabled meter"),
        _stream("MWET", "wet microphones", "wet all confidence"),
        # Recording
        _stream("MSKP", "skipped frames of the main video", "skipped"),
        _stream("LSKP", "skipped frames of the low-resolution video", "skipped"),
        _stream("LRVO", "frame offset of the low-resolution video"),
        _stream("LRVS", "skipped frames of the low-resolution video"),
        _stream("SPED", "speed"),
        _stream("MFGI", "undocumented"),
        # HiLights (see `hilights`)
        _stream("HLMT", "HiLights (HERO6 and later)"),
        _stream("HMMT", "HiLights (older cameras)"),
        # The Karma drone
        _stream("SYST", "time since the start of the drone, and POSIX time", "since_start posix"),
        _stream("ATTD", "attitude"),
        _stream("ATTR", "attitude reference"),
        _stream("VFRH", "ground speed, heading, throttle and climb rate"),
        _stream("KBAT", "battery"),
        _stream("ESCS", "speed controllers of the motors"),
        _stream("SCPR", "scaled pressure"),
        _stream("SIMU", "scaled IMU"),
        _stream("LNED", "displacement north, east and down"),
        _stream("CYTS", "status of the flight controller"),
        _stream("CSEN", "sensors of the flight controller"),
    )
}

MODIFIERS: dict[str, str] = {
    # The device and the stream
    "DVID": "ID of the device: a number, or four characters",
    "DVNM": "name of the device",
    "STNM": "name of the stream",
    "RMRK": "remark",
    "VERS": "version",
    "PFRM": "undocumented",
    "MFGI": "undocumented",
    "FREE": "unused space",
    # How to decode the samples
    "TYPE": "the elements of a complex structure (type `?`), a type character each",
    "SCAL": "divisor of the stored numbers: one, or one for each element",
    "SIUN": "SI unit of each element, or one for all",
    "UNIT": "display unit of each element, or one for all",
    "QUAN": "quantizer of compressed samples",
    # Time and counts
    "TSMP": "number of samples up to the end of this payload",
    "STMP": "clock of the camera at the first sample, in microseconds",
    "STPS": "undocumented",
    "TICK": "clock of the device at the start of the payload, in milliseconds",
    "TOCK": "clock of the device at the end of the payload, in milliseconds",
    "TIMO": "latency of the stream, in seconds",
    "EMPT": "number of payloads without samples",
    # Conditions
    "TMPC": "temperature, in degrees Celsius",
    "ORIN": "axis of each stored element",
    "ORIO": "axis of each element after MTRX",
    "MTRX": "matrix from ORIN to ORIO",
    "GPSF": "GPS fix of GPS5: 0 none, 2 or 3 dimensions",
    "GPSU": "UTC of GPS5, yymmddhhmmss.sss",
    "GPSP": "dilution of precision of GPS5, times 100",
    "GPSA": "altitude reference: MSLV for mean sea level",
}
"""Keys that describe samples and never are samples."""

FRAME_KEYS = ("SHUT",)
"""Streams with one sample per video frame: the first STMP of the first of them is movie time 0."""

STEPPED_KEYS = frozenset(key for key, row in STREAMS.items() if row.stepped)
POSITION_KEYS = frozenset(key for key, row in STREAMS.items() if row.position)

# As the exposure metadata documentation and its readers list them; without TZON, the time zone of the camera.
_SETTINGS = (
    "APTO AUBT AUDO AUPT BITR BRID BROD CASN CDAT CDTM CINF CMOD CPID CPIN CTRL DUST DZMX DZOM DZST"
    " EISA EISE ESEN EXPT FMWR HCTL HDRV HLVL HSGT LINF LOGO MINF MTYP MUID MXCF MAPX MAPY MXPX OREN"
    " PHDR PIMD PIMN PIMX POLY PRCN PRJT PRNA PRNU PRTN PRXC PRXF PTCL PTEV PTSH PTWB PVUL PWPR PYCF RAMP"
    " RATE SCAP SCTM SMTR SOFF SROT TAMP VERS VFOV VFPS VITR VLTA VLTE VRES ZFOV ZMPL ARUW ARWA SCHD"
    " STMV STCK ACRS MMOD EVT1 DIFI ORDP CLDP ABSC MYCF CLKS CLKC"
)
SETTINGS = frozenset(_SETTINGS.split())
"""Settings of the camera in the settings block (udta/GPMF) that contain no position."""
