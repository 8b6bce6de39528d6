"""The tags of HLS playlists that tell players how to get the keys (RFC 8216 sections 4.3.2.4 and 4.3.4.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.encryption.content_keys import ContentKey, StreamEncryption

_MASTER = "master.m3u8"
_KEY = re.compile(r"(?m)^#EXT-X-KEY:[^\n]*\n")
_IDENTITY = 'KEYFORMAT="identity"'
_FAIRPLAY = 'KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"'
_HEAD = re.compile(r"\A#EXTM3U\n(?:\n*#EXT-X-(?:VERSION|INDEPENDENT)[^\n]*\n)*")


def write_key_tags(stream: Path, encryption: StreamEncryption, kinds: Mapping[str, str]) -> None:
    """Write the key of each track to its playlists, and all keys to the master playlist.

    `kinds` has the kind of track of each directory. Raises `ProofError` unless the packager has written
    exactly one key to each playlist.
    """
    for name, kind in kinds.items():
        tag = sample_key_tag(encryption, name, kind)
        for path in sorted((stream / name).glob("*.m3u8")):
            found = list(_KEY.finditer(path.read_text("utf-8")))
            if len(found) != 1:
                raise ProofError(f"{name}/{path.name} has {len(found)} keys instead of one")
            start, end = found[0].span()
            path.write_text(f"{found[0].string[:start]}#EXT-X-KEY:{tag}\n{found[0].string[end:]}", "utf-8")
    master = stream / _MASTER
    used = [encryption.keys[kind] for kind in dict.fromkeys(kinds.values())]
    tags = dict.fromkeys(f"#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,{_location(key)}\n" for key in used)
    text = master.read_text("utf-8")
    master.write_text(_HEAD.sub(lambda found: found[0] + "".join(tags), text, count=1), "utf-8")


def sample_key_tag(encryption: StreamEncryption, name: str, kind: str) -> str:
    """The attributes of EXT-X-KEY. FairPlay gets the vector with the key; other players from the playlist."""
    key = encryption.keys[kind]
    vector = "" if _is_fairplay(key) else f",IV=0x{encryption.initialization_vector(name, kind).hex()}"
    return f"METHOD=SAMPLE-AES,{_location(key)}{vector}"


def _location(key: ContentKey) -> str:
    return f'URI="{key.uri}",{_FAIRPLAY if _is_fairplay(key) else _IDENTITY}'


def _is_fairplay(key: ContentKey) -> bool:
    return key.uri.startswith("skd://")
