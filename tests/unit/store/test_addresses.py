from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import UsageError
from eddyline.store.addresses import Address, parse, parse_object


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://bucket", Address(scheme="s3", bucket="bucket")),
        ("s3://bucket/", Address(scheme="s3", bucket="bucket")),
        ("S3://my.bucket-1/some/pre fix/", Address(scheme="s3", bucket="my.bucket-1", path="some/pre fix")),
        ("s3://bucket/50%20/a?b#c", Address(scheme="s3", bucket="bucket", path="50%20/a?b#c")),
        ("gs://my_bucket/x", Address(scheme="gs", bucket="my_bucket", path="x")),
        ("az://container/x/y", Address(scheme="az", bucket="container", path="x/y")),
        ("file:///srv/my%20media", Address(scheme="file", path="/srv/my media")),
        ("file:/srv/media", Address(scheme="file", path="/srv/media")),
        ("file://localhost/srv", Address(scheme="file", path="/srv")),
        ("file:///srv/a?b#c", Address(scheme="file", path="/srv/a?b#c")),
        ("/srv/media", Address(scheme="file", path="/srv/media")),
        ("out", Address(scheme="file", path="out")),
        ("./s3:out", Address(scheme="file", path="./s3:out")),
        ("s3", Address(scheme="file", path="s3")),
    ],
)
def test_addresses_are_parsed(text: str, address: Address) -> None:
    assert parse(text) == address
    assert parse(str(address)) == address
    assert address.local == (address.scheme == "file")
    if address.local:
        assert address.folder == Path(address.path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\0b",
        "s3://",
        "s3:///prefix",
        "s3:/bucket",
        "s3://UPPER/x",
        "s3://a/x",
        "s3://bucket/../other",
        "s3://bucket/a/../../b",
        "s3://bucket/a\nb",
        "s3://-bucket",
        "s3://127.0.0.1:80/x",
        "az://under_score/x",
        "az://two--dashes/x",
        "http://host/x",
        "ftp://host/x",
        "s3a://bucket/x",
        "file://otherhost/share",
        "file:///a%00b",
    ],
)
def test_an_invalid_address_is_rejected_with_the_valid_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.remedy


def test_a_secret_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        parse("s3://AKIAKEY:topsecret@bucket/x")
    assert "topsecret" not in str(caught.value)


def test_an_object_is_found_from_the_root_of_its_bucket() -> None:
    assert parse_object("s3://bucket/a/b.mp4") == (Address(scheme="s3", bucket="bucket"), "a/b.mp4")
    assert parse_object("/card/GX01.MP4") == (Address(scheme="file", path="/card"), "GX01.MP4")
    assert parse_object("GX01.MP4") == (Address(scheme="file", path="."), "GX01.MP4")
    assert parse_object("file:///a%20b/c.mp4") == (Address(scheme="file", path="/a b"), "c.mp4")


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/", "s3://bucket/folder/", "/", "..", "a/.."])
def test_a_prefix_is_not_an_object(text: str) -> None:
    with pytest.raises(UsageError):
        parse_object(text)


@pytest.mark.parametrize("key", ["a//b.mp4", "/a.mp4", "a/./b.mp4", "./a.mp4"])
def test_an_object_whose_key_the_store_would_change_is_rejected(key: str) -> None:
    with pytest.raises(UsageError, match="is not supported") as caught:
        parse_object(f"s3://bucket/{key}")
    assert caught.value.remedy


def test_brackets_without_an_address_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="invalid address"):
        parse("FILE://[")


@given(
    st.one_of(st.text(), st.builds("{}://{}".format, st.sampled_from(["s3", "gs", "az", "file"]), st.text()))
)
def test_any_text_is_an_address_or_a_usage_error(text: str) -> None:
    try:
        address = parse(text)
    except UsageError:
        return
    if not address.local:
        assert ".." not in address.path.split("/")
        assert parse(str(address)) == address
