"""Audio: decoding checks, AAC encoding, loudness, and alignment with external recordings."""
