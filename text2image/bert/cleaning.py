r"""What `--clean` takes out of a text before it is tokenised.

`html`: a tag, comment or doctype becomes a blank; then the named entities of
HTML 4, `&apos;` and numeric ones become their characters. `basic`: URLs too
become blanks, before the entities, and letters are lowercased as an uncased
encoder lowercases them. Once each, from left to right: what is escaped twice
stays escaped once. Invalid UTF-8 is deleted first.

The patterns mean the same to RE2, in the graph, and to Python.
"""

import codecs
import html.entities
import re

import numpy as np
import tensorflow as tf

# As HTML begins tags: `a < b` and `<3` stay.
_TAG = r"<(?:/?[A-Za-z]|!(?:--|[A-Za-z]))[^<>]*>"
# The characters that RFC 3986 allows, without those that may end a sentence.
_URL = (
    r"\b(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ww][Ww][Ww]\.)"
    r"[A-Za-z0-9](?:[!#-;=?-~]*[A-Za-z0-9/])?"
)
# By `--clean`, what becomes a blank.
_BLANKED = {"none": (), "html": (_TAG,), "basic": (_TAG, _URL)}
_ENTITY = re.compile(
    "&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{1,7}));"
)
# The characters of HTML 5, which differ for two: &lang; and &rang;.
_NAMED = {
    name: ord(html.entities.html5[f"{name};"])
    for name in (*html.entities.name2codepoint, "apos")
}
_MOST = 8  # characters between & and ;
_BITS = 7  # of a character in a packed name
_UNICODE = 0x110000
_UNKNOWN = 0xFFFD
# HTML 5 reads these numbers as Windows-1252, "Numeric character reference end
# state".
_FIRST_WINDOWS = 0x80
_WINDOWS = [
    ord(codecs.decode(bytes([code]), "cp1252", "ignore") or chr(code))
    for code in range(_FIRST_WINDOWS, 0xA0)
]


def clean_text(text: str, kind: str) -> str:
    """Cleans a text as the tokeniser does, but for lower case.

    Args:
        text: The text.
        kind: One of `options.CLEANINGS`.
    """
    if kind == "none":
        return text
    text = text.encode("utf-8", "ignore").decode("utf-8")
    for pattern in _BLANKED[kind]:
        text = re.sub(pattern, " ", text, flags=re.ASCII)
    return _ENTITY.sub(_character, text)


def blank_out(text: str, kind: str) -> str:
    """Returns the text with as many blanks as what `--clean` takes out.

    What is left has the places it has in the text. Entities stay.

    Args:
        text: The text.
        kind: One of `options.CLEANINGS`.
    """
    for pattern in _BLANKED[kind]:
        text = re.sub(
            pattern, lambda found: " " * len(found[0]), text, flags=re.ASCII
        )
    return text


def blank_strings(texts: tf.Tensor, kind: str) -> tf.Tensor:
    """Replaces tags and URLs of texts `(N,)`, in the graph."""
    if kind == "none":
        return texts
    texts = tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", errors="ignore"
    )
    for pattern in _BLANKED[kind]:
        texts = tf.strings.regex_replace(texts, pattern, " ")
    return texts


def decode_entities(
    codes: tf.Tensor, rows: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Replaces entities by their characters, in the graph.

    Args:
        codes: `(C,)` int32 code points.
        rows: `(C,)` index of the text of each, ascending.

    Returns:
        Code points and rows without the rest of each entity.
    """
    begin = tf.where(codes == ord("&"))[:, 0]
    place = begin[:, tf.newaxis] + tf.range(1, _MOST + 2, dtype=tf.int64)
    size = tf.size(codes, out_type=tf.int64)
    near = tf.minimum(place, size - 1)
    is_same = tf.gather(rows, near) == tf.gather(rows, begin)[:, tf.newaxis]
    # 0 is no character; a NUL, which no name has, must not look like none.
    near_codes = tf.maximum(tf.gather(codes, near), 1)
    after = tf.where(is_same & (place < size), near_codes, 0)
    is_end = tf.cast(after == ord(";"), tf.int32)
    length = tf.argmax(is_end, axis=1, output_type=tf.int32)
    body = tf.where(
        tf.range(_MOST) < length[:, tf.newaxis], after[:, :_MOST], 0
    )
    named, is_named = _look_up(body)
    number, is_number = _number(body, length)
    is_entity = (tf.reduce_max(is_end, axis=1) > 0) & (is_named | is_number)
    codes = tf.tensor_scatter_nd_update(
        codes,
        tf.boolean_mask(begin, is_entity)[:, tf.newaxis],
        tf.boolean_mask(tf.where(is_named, named, number), is_entity),
    )
    is_rest = tf.range(_MOST + 1) <= length[:, tf.newaxis]
    rest = tf.boolean_mask(place, is_rest & is_entity[:, tf.newaxis])
    kept = tf.tensor_scatter_nd_update(
        tf.ones_like(codes), rest[:, tf.newaxis], tf.zeros_like(rest, tf.int32)
    )
    return tf.boolean_mask(codes, kept > 0), tf.boolean_mask(rows, kept > 0)


def _look_up(body: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Code points of named entities `(E, 8)`, and which are known."""
    is_ascii = tf.reduce_all(body < 1 << _BITS, axis=1)
    key = tf.reduce_sum(tf.cast(body, tf.int64) * _WEIGHTS, axis=1)
    place = tf.minimum(tf.searchsorted(_KEYS, key), len(_KEYS) - 1)
    is_known = is_ascii & (tf.gather(_KEYS, place) == key)
    return tf.gather(_CODES, place), is_known


def _number(body: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Code points of numeric entities `(E, 8)`, and which are any."""
    is_hex = (body[:, 1] == ord("x")) | (body[:, 1] == ord("X"))
    base = tf.where(is_hex, 16, 10)
    start = tf.where(is_hex, 2, 1)
    is_number = (body[:, 0] == ord("#")) & (length > start)
    value = tf.zeros_like(length)
    for column in range(1, _MOST):
        digit = tf.gather(_DIGITS, tf.minimum(body[:, column], 127))
        is_digit = (digit >= 0) & (digit < base)
        is_used = (column >= start) & (column < length)
        is_number &= is_digit | ~is_used
        value = tf.where(is_used & is_digit, value * base + digit, value)
    is_scalar = (value > 0) & (value < _UNICODE)
    is_scalar &= (value < 0xD800) | (value > 0xDFFF)
    value = tf.where(is_scalar, value, _UNKNOWN)
    index = value - _FIRST_WINDOWS
    is_windows = (index >= 0) & (index < len(_WINDOWS))
    windows = tf.gather(_WINDOWS, tf.where(is_windows, index, 0))
    return tf.where(is_windows, windows, value), is_number


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name is not None:
        return chr(_NAMED[name]) if name in _NAMED else found[0]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if not 0 < code < _UNICODE or 0xD800 <= code <= 0xDFFF:
        code = _UNKNOWN
    index = code - _FIRST_WINDOWS
    return chr(_WINDOWS[index] if 0 <= index < len(_WINDOWS) else code)


_WEIGHTS = np.array([1 << _BITS * (_MOST - 1 - i) for i in range(_MOST)])
_PACKED = {
    sum(
        ord(letter) * int(weight)
        for letter, weight in zip(name, _WEIGHTS, strict=False)
    ): code
    for name, code in _NAMED.items()
}
_KEYS = np.array(sorted(_PACKED))
_CODES = np.array([_PACKED[key] for key in sorted(_PACKED)], np.int32)
_DIGITS = np.full(128, -1, np.int32)
for _digit in "0123456789abcdefABCDEF":
    _DIGITS[ord(_digit)] = int(_digit, 16)
