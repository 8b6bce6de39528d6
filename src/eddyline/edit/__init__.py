"""Edits of whole recordings, picture, sound and telemetry together: merged, stripped, cut, combined."""
