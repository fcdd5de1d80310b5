"""A picture is taken only if it is whole and of a type that every provider takes."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.pictures import MAX_BASE64, MAX_BYTES, is_whole, kind_of, why_not
from pi_fallback_hookspecs import Image

PIXELS: Mapping[str, str] = {
    "image/png": ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4IScHAAK2AQU0pnWqAAAAAElFTkSuQmCC"),
    "image/jpeg": (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////////////////"
        "////////////2wBDAf//////////////////////////////////////////////////////////////////////////////////////wAAR"
        "CAABAAEDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAH/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAA"
        "AQL/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCABb//2Q=="
    ),
    "image/gif": "R0lGODdhAQABAIEAAMgeHgAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw==",
    "image/webp": "UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAAdQjyLXo/+BiOh/AAA=",
}
"""One red pixel of each kind."""


@pytest.mark.parametrize("kind", PIXELS)
def test_a_whole_picture_is_taken(kind: str) -> None:
    data = b64decode(PIXELS[kind])
    assert (kind_of(data), is_whole(data), is_whole(data + b"\0")) == (kind, True, True)
    assert why_not(Image(PIXELS[kind], kind)) is None


@pytest.mark.parametrize("kind", PIXELS)
def test_no_beginning_of_a_picture_is_whole(kind: str) -> None:
    data = b64decode(PIXELS[kind])
    assert [end for end in range(len(data)) if is_whole(data[:end])] == []


@pytest.mark.parametrize("kind", PIXELS)
def test_a_head_alone_is_no_picture(kind: str) -> None:
    assert not is_whole(b64decode(PIXELS[kind])[:12] + bytes(500))


def test_a_changed_byte_of_a_png_is_seen() -> None:
    data = b64decode(PIXELS["image/png"])
    assert [at for at in range(len(data)) if is_whole(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])] == []


@given(st.sampled_from(sorted(PIXELS)), st.binary(max_size=200))
def test_any_bytes_behind_a_head_have_an_answer(kind: str, rest: bytes) -> None:
    assert is_whole(b64decode(PIXELS[kind])[:12] + rest) in {True, False}


@pytest.mark.parametrize(
    ("data", "mime_type", "told"),
    [
        ("!!!", "image/png", "base64"),
        ("é", "image/png", "base64"),
        ("", "image/png", "without data"),
        ("aGk=", "image/png", "whole image/png"),
        (PIXELS["image/gif"], "image/png", "whole image/png"),
        (
            PIXELS["image/png"],
            "image/x-evil",
            "not taken. Those that are: image/png, image/jpeg, image/gif, image/webp",
        ),
        ("A" * (MAX_BASE64 + 4), "image/png", "more than 5 MiB"),
    ],
    ids=["no base64", "no ASCII", "empty", "no picture", "another kind", "a foreign type", "too large"],
)
def test_what_providers_would_refuse_is_not_taken(data: str, mime_type: str, told: str) -> None:
    assert told in (why_not(Image(data, mime_type)) or "")


def test_the_largest_file_is_the_largest_base64() -> None:
    assert len(b64encode(bytes(MAX_BYTES))) == MAX_BASE64
