"""Where a process gets the content keys of encrypted streams, by its settings."""

from __future__ import annotations

from eddyline.config import Settings
from eddyline.core.errors import UsageError
from eddyline.media.encryption.content_keys import NO_KEYS, KeySource
from eddyline.media.encryption.key_command import KeyCommand
from eddyline.media.encryption.key_file import KeyFile


def content_keys(settings: Settings) -> KeySource:
    """The key file, the key command, or a source without keys. Raises `UsageError` for both."""
    if settings.encryption_keys and settings.key_command:
        raise UsageError(
            "EDDYLINE_ENCRYPTION_KEYS and EDDYLINE_KEY_COMMAND are both set",
            remedy="set only the one that has the keys",
        )
    if settings.encryption_keys:
        return KeyFile(settings.encryption_keys)
    return KeyCommand(settings.key_command) if settings.key_command else NO_KEYS
