"""Validates HLS and DASH streams, Eddyline's own and others', against the authoring rules of both."""
