"""Content keys: where they come from, what is refused, and that no message shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eddyline.app.content_keys import content_keys
from eddyline.config import Settings
from eddyline.core.errors import ToolError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.media.encryption.content_keys import NO_KEYS, ContentKey, KeyRequest, StreamEncryption
from eddyline.media.encryption.key_command import KeyCommand
from eddyline.media.encryption.key_fields import parse_key
from eddyline.media.encryption.key_file import KeyFile
from eddyline.media.encryption.packager_keys import key_environment, key_options, label_option, without_keys
from eddyline.media.ladder.profile import EncryptionSettings

SECRET = "00112233445566778899aabbccddeeff"  # noqa: S105 - an example
ID = "6e5a1d26-2757-47d7-8046-eaa5d1d34b5a"
PLAIN = {"key_id": ID, "key": SECRET, "uri": "https://keys.example.com/main"}
REQUEST = KeyRequest(name="main", scheme="cbcs", asset="0123456789abcdef", track="video")


def _key_file(directory: Path, text: str, mode: int = 0o600) -> KeyFile:
    path = directory / "keys.yaml"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return KeyFile(path)


def _command(directory: Path, script: str) -> KeyCommand:
    path = directory / "get-key"
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return KeyCommand(path)


def _encryption(scheme: str = "cenc", *, context: str = "plan", **fields: object) -> StreamEncryption:
    key = parse_key({**PLAIN, **fields})
    return StreamEncryption(scheme=scheme, context=context, keys={"video": key, "audio": key})


def test_a_key_file_returns_the_key_of_a_name(tmp_path: Path) -> None:
    source = _key_file(tmp_path, json.dumps({"keys": {"main": PLAIN}}))
    source.check("main")
    key = source.content_key(REQUEST, Runner())
    assert (key.key_id.hex(), key.key.hex(), key.uri) == (ID.replace("-", ""), SECRET, PLAIN["uri"])


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UsageError, match="other users") as error:
        _key_file(tmp_path, json.dumps({"keys": {"main": PLAIN}}), mode).check("main")
    assert "chmod 600" in error.value.remedy


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({**PLAIN, "key": SECRET[:-1]}, "key must be 32 hexadecimal digits"),
        ({**PLAIN, "key": int("1" * 32)}, "key must be 32 hexadecimal digits"),
        ({**PLAIN, "key_id": "main"}, "key_id must be"),
        ({**PLAIN, "uri": 'https://a"b'}, "uri must start with"),
        ({**PLAIN, "uri": "data:text/plain;base64,AAAA"}, "uri must start with"),
        ({**PLAIN, "pssh": "AAAA"}, "complete pssh boxes"),
        ({**PLAIN, "pssh": ["AAAADHBzc2gAAAAA"] * 9}, "at most 8"),
        ({**PLAIN, "secret": SECRET}, "unknown field 'secret'"),
        ([SECRET], "must be a mapping"),
    ],
)
def test_an_invalid_key_is_refused_without_showing_it(tmp_path: Path, plain: object, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        _key_file(tmp_path, json.dumps({"keys": {"main": plain}})).check("main")
    assert SECRET[:-1] not in f"{error.value} {error.value.evidence()}"


@pytest.mark.parametrize("text", ["[]", "keys: []", "{keys: {}, more: 1}", "keys: {other: {}}"])
def test_a_key_file_without_the_key_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="key file"):
        _key_file(tmp_path, text).check("main")


def test_a_key_is_not_part_of_its_representation() -> None:
    assert SECRET not in repr(_encryption())
    assert repr(bytes.fromhex(SECRET)) not in repr(_encryption())


def test_a_key_command_gets_the_request_and_prints_the_key(tmp_path: Path) -> None:
    source = _command(tmp_path, f"echo \"$@\" > {tmp_path}/arguments\necho '{json.dumps(PLAIN)}'")
    source.check("main")
    assert source.content_key(REQUEST, Runner()) == parse_key(PLAIN)
    arguments = "--key main --scheme cbcs --asset 0123456789abcdef --track video\n"
    assert (tmp_path / "arguments").read_text() == arguments


@pytest.mark.parametrize(
    "script",
    [
        "exit 3",
        f"echo {SECRET}",
        f'echo \'{{"key": "{SECRET}"}}\'',
        f"head -c 70000 /dev/zero; echo {SECRET}",
    ],
)
def test_a_key_command_that_prints_no_key_fails_without_its_output(tmp_path: Path, script: str) -> None:
    with pytest.raises(ToolError) as error:
        _command(tmp_path, script).content_key(REQUEST, Runner())
    assert SECRET not in f"{error.value} {error.value.evidence()}"


def test_a_key_command_that_cannot_be_started_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an executable file"):
        KeyCommand(tmp_path / "missing").check("main")


def test_a_process_has_the_keys_of_its_settings(tmp_path: Path) -> None:
    assert content_keys(Settings()) is NO_KEYS
    assert content_keys(Settings(encryption_keys=tmp_path)) == KeyFile(tmp_path)
    assert content_keys(Settings(key_command=tmp_path)) == KeyCommand(tmp_path)
    with pytest.raises(UsageError, match="both set"):
        content_keys(Settings(encryption_keys=tmp_path, key_command=tmp_path))
    with pytest.raises(UsageError, match="no keys"):
        NO_KEYS.content_key(REQUEST, Runner())


def test_hls_needs_a_uri_from_which_players_get_the_key(tmp_path: Path) -> None:
    source = _key_file(tmp_path, json.dumps({"keys": {"main": {"key_id": ID, "key": SECRET}}}))
    for scheme in ("cbcs", "aes-128"):
        with pytest.raises(UsageError, match="has no uri"):
            StreamEncryption.request(
                EncryptionSettings(scheme=scheme, key="main"), source, Runner(), asset="a", context="c"
            )
    settings = EncryptionSettings(scheme="cenc", key="main")
    found = StreamEncryption.request(settings, source, Runner(), asset="a", context="c")
    assert found.key_ids == (ID.replace("-", ""),)


def test_vectors_depend_on_key_contents_and_stream_alone() -> None:
    other_key = "ff" * 16
    vectors = {
        encryption.initialization_vector(stream, kind)
        for encryption in (_encryption(), _encryption(context="other"), _encryption(key=other_key))
        for stream, kind in (("1080p", "video"), ("720p", "video"), ("audio-1", "audio"))
    }
    assert len(vectors) == 9
    assert {len(vector) for vector in vectors} == {8}
    again = _encryption().initialization_vector("720p", "video")
    assert again == _encryption().initialization_vector("720p", "video")


def test_a_prescribed_vector_applies_to_cbcs_and_never_to_counter_mode() -> None:
    prescribed = "0x" + "ab" * 16
    assert _encryption("cbcs", iv=prescribed).initialization_vector("a", "video") == b"\xab" * 16
    vectors = {_encryption(iv=prescribed).initialization_vector(name, "video") for name in ("a", "b")}
    assert len(vectors) == 2


def test_keys_reach_the_packager_in_its_environment_alone() -> None:
    encryption, kinds = _encryption("cbcs"), {"720p": "video", "audio-1": "audio"}
    assert SECRET not in " ".join(key_options(encryption)) + label_option("720p", encryption)
    environment = key_environment(encryption, kinds)
    assert environment["FLAGS_keys"].count(SECRET) == 2
    assert (key_options(None), key_environment(None, kinds), label_option("720p", None)) == ((), {}, "")


def test_a_failure_of_the_packager_shows_no_key() -> None:
    with pytest.raises(ToolError) as error, without_keys(_encryption()):
        raise ToolError(f"bad {SECRET}", argv=("packager",), status=1, stderr=f"key={SECRET.upper()}")
    assert SECRET not in f"{error.value} {error.value.evidence()}".lower()
    assert error.value.evidence()["status"] == 1


def test_a_content_key_compares_by_value() -> None:
    assert parse_key(PLAIN) == ContentKey(
        key_id=bytes.fromhex(ID.replace("-", "")), key=bytes.fromhex(SECRET), uri=PLAIN["uri"]
    )
