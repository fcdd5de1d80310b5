"""Pictures: whether an image is whole, and one that every provider takes; a bad one would spoil each later request."""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from zlib import crc32

from pi_fallback_hookspecs import Image

# Anthropic refuses an image of which the base64 is longer than 5 MiB; the others take more.
MAX_BASE64 = 5 * 2**20
MAX_BYTES = MAX_BASE64 // 4 * 3

_PNG = b"\x89PNG\r\n\x1a\n"
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # JPEG segments among those of frames that are none


def kind_of(head: bytes) -> str | None:
    """The type of the image that begins with `head`, if it is one that all providers take."""
    if head.startswith(_PNG):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def is_whole(data: bytes) -> bool:
    """Whether `data` has all the parts of an image of its kind. What the pixels are is not looked at."""
    kind = kind_of(data)
    return kind is not None and _WHOLE[kind](data)


def why_not(image: Image) -> str | None:
    """Why `image` must not get into a conversation; None if it may."""
    if image.mime_type not in _WHOLE:
        return f"an image of this type is not taken. Those that are: {', '.join(_WHOLE)}"
    if len(image.data) > MAX_BASE64:
        return "an image of more than 5 MiB (in base64) is more than models take. Send a smaller one"
    try:
        data = b64decode(image.data, validate=True)
    except (binascii.Error, ValueError):
        return "the data of an image must be base64"
    if not data:
        return "an image without data is none"
    if kind_of(data) != image.mime_type or not is_whole(data):
        return f"the data of an image must be a whole {image.mime_type}"
    return None


def _is_whole_png(data: bytes) -> bool:
    at, names = len(_PNG), list[bytes]()
    while (end := at + 12 + int.from_bytes(data[at : at + 4], "big")) <= len(data):
        if crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return False
        names.append(data[at + 4 : at + 8])
        if names[-1] == b"IEND":
            return names[0] == b"IHDR" and b"IDAT" in names
        at = end
    return False


def _is_whole_jpeg(data: bytes) -> bool:
    at, has_frame = 2, False
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:  # a filler
            at += 1
        elif marker == 0xDA:  # from here on the pixels, without lengths
            return has_frame and data.find(b"\xff\xd9", at + 2 + length) > 0
        else:
            has_frame |= 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME
            at += 2 + max(2, length)
    return False


def _is_whole_gif(data: bytes) -> bool:
    return len(data) > 14 and b"," in data[13:] and data.rstrip(b"\0").endswith(b";")


def _is_whole_webp(data: bytes) -> bool:
    return data[12:16] in (b"VP8 ", b"VP8L", b"VP8X") and 20 < 8 + int.from_bytes(data[4:8], "little") <= len(data)


_WHOLE: Mapping[str, Callable[[bytes], bool]] = {
    "image/png": _is_whole_png,
    "image/jpeg": _is_whole_jpeg,
    "image/gif": _is_whole_gif,
    "image/webp": _is_whole_webp,
}
