"""Macintosh language numbers, which QuickTime uses instead of ISO 639-2 ("Language Code Values")."""

from __future__ import annotations

from typing import Final

_NAMES = (
    "eng fra deu ita nld swe spa dan por nor heb jpn ara fin ell isl mlt tur hrv zho urd hin tha kor lit pol"
    " hun est lav sme fao fas rus zho nld gle sqi ron ces slk slv yid srp mkd bul ukr bel uzb kaz aze aze hye"
)
LANGUAGE_CODES: Final = tuple(_NAMES.split())
"""The ISO 639-2 code of each language number, starting at 0."""
