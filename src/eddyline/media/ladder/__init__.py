"""The ladder: which renditions a source gets, and with which encoder settings.

- `profiles/*.yaml`: the built-in profiles; the bitrate (`maxrate_kbps`), CRF and preset of each rung.
- `profile`: the schema of a profile file.
- `ladder`: selects the rungs of a profile for a source, and scales their bitrates with its frame rate.
- `encoders`: the supported encoders and their limits.
- `encoder_options`: the FFmpeg options of each encoder.
- `chunks`: where a source is split into chunks; `cost`: the estimated CPU time that this is based on.
"""
