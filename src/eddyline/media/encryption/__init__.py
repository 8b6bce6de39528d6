"""Encryption of packaged streams: content keys, their sources, and the verification by decryption."""
