"""What the first bytes of an image file say: format, size, orientation.

Nothing is decoded, so that a file of 20 KB that claims 12,000 x 12,000 pixels
costs no memory.
"""

import struct
from collections.abc import Iterator

# First bytes to name of the format.
_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"8BPS": "Photoshop",
    b"\x00\x00\x01\x00": "an icon",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"version https://git-lfs": "a pointer of Git LFS, not the image itself",
}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}  # others of its family are HEIC
_TEXTS = (b"<svg", b"<html", b"<!doctype", b"<?xml", b"{")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_NO_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_ORIENTATION_TAG = 0x0112


def format_of(content: bytes) -> str | None:
    """Name of the format that an image file seems to have.

    Returns:
        `None` if the first bytes are of no format known here.
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "HEIC")
    start = content[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith(b"<svg") or b"<svg" in start:
        return "SVG"
    if start.startswith(_TEXTS):
        return "a web page or text"
    return next(
        (name for key, name in _STARTS.items() if content.startswith(key)),
        None,
    )


def dimensions(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of a JPEG, PNG, GIF, BMP or WebP.

    Returns:
        `None` for another format, or if the header is cut.
    """
    read = _READERS.get(format_of(content) or "")
    if read is None:
        return None
    try:
        return read(content)
    except (struct.error, IndexError):
        return None


def orientation(content: bytes) -> int:
    """EXIF's orientation of a JPEG: 1 (upright) to 8.

    1 also if it says none, or a value that EXIF does not define. Source:
    CIPA DC-008-2012 (Exif 2.3), 4.6.4 and 4.7.2.
    """
    if not content.startswith(b"\xff\xd8\xff"):
        return 1
    try:
        for marker, segment in _segments(content):
            if marker == 0xE1 and segment.startswith(b"Exif\x00\x00"):
                value = _orientation_of(segment[6:])
                return value if 1 <= value <= 8 else 1
    except (struct.error, IndexError):
        pass  # a cut header: the decoder says so
    return 1


def _orientation_of(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for index in range(count):
        entry = start + 2 + 12 * index
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == _ORIENTATION_TAG:
            return value
    return 1


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and data of each segment of a JPEG before its pixels."""
    place = 2
    while place < len(content):
        if content[place] != 0xFF:
            return  # damaged
        marker = content[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        if marker in _NO_LENGTH:
            place += 2
            continue
        if marker in (0xD9, 0xDA):  # the end, or the pixels
            return
        (length,) = struct.unpack_from(">H", content, place + 2)
        yield marker, content[place + 4 : place + 2 + length]
        place += 2 + length


def _jpeg(content: bytes) -> tuple[int, int] | None:
    for marker, segment in _segments(content):
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", segment, 1)
            return width, height
    return None


def _png(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _gif(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _bmp(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", content, 18)
    return width, abs(height)  # negative: from top to bottom


def _webp(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8X":  # 24 bits each, less one
        width = int.from_bytes(content[24:27], "little") + 1
        return width, int.from_bytes(content[27:30], "little") + 1
    if kind == b"VP8L":  # 14 bits each, less one
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


_READERS = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "BMP": _bmp,
    "WebP": _webp,
}
