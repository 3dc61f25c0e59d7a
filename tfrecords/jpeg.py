"""Encoded pictures: which can be read, and as what they are recorded."""

import tensorflow as tf

_JPEG_START = b"\xff\xd8\xff"
# What other formats are encoded with; near the point where a second encoding
# cannot be told from the first.
_QUALITY = 95


def decode(content: bytes) -> tf.Tensor:
    """Bytes of a JPEG, PNG, GIF or BMP to `(H, W, 3)` uint8.

    Raises:
        ValueError: If they are none, cut short or damaged.
    """
    try:
        return tf.io.decode_image(content, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        reason = error.message.strip().splitlines()[0].split("}} ")[-1]
        raise ValueError(
            f"not a whole JPEG, PNG, GIF or BMP picture: {reason}"
        ) from error


def as_jpeg(content: bytes) -> bytes:
    """A picture as JPEG: itself, if it is one, else encoded anew.

    Raises:
        ValueError: As `decode`.
    """
    pixels = decode(content)
    if content.startswith(_JPEG_START):
        return content
    return tf.io.encode_jpeg(pixels, quality=_QUALITY).numpy()
