"""AES with keys of 128 bits, from the package cryptography (OpenSSL), which only encryption needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eddyline.core.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
    from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR


def ctr_decryptor(key: bytes, counter: bytes) -> CipherContext:
    """Decrypts successive bytes in counter mode; `counter` is the first counter block."""
    from cryptography.hazmat.primitives.ciphers import modes  # noqa: PLC0415 - an extra

    return _cipher(key, modes.CTR(counter)).decryptor()


def cbc_decrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Whole blocks decrypted in CBC mode, without padding."""
    from cryptography.hazmat.primitives.ciphers import modes  # noqa: PLC0415 - an extra

    context = _cipher(key, modes.CBC(vector)).decryptor()
    return context.update(data) + context.finalize()


def cbc_encrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Whole blocks encrypted in CBC mode, without padding."""
    from cryptography.hazmat.primitives.ciphers import modes  # noqa: PLC0415 - an extra

    context = _cipher(key, modes.CBC(vector)).encryptor()
    return context.update(data) + context.finalize()


def require_aes() -> None:
    """Raise `UsageError` if the package is not installed."""
    try:
        import cryptography  # noqa: F401, PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise UsageError(
            "encryption requires the package cryptography, which is not installed",
            remedy="run pip install 'eddyline[encryption]'",
        ) from error


def _cipher(key: bytes, mode: CBC | CTR) -> Cipher[CBC | CTR]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms  # noqa: PLC0415 - an extra

    return Cipher(algorithms.AES(key), mode)
