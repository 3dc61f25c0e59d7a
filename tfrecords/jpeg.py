"""Encoded images: decoded, and re-encoded as JPEG for records."""

import tensorflow as tf

_JPEG_START = b"\xff\xd8\xff"
# Quality for images of other formats: their difference from the original is
# hardly visible.
_QUALITY = 95


def decode(content: bytes) -> tf.Tensor:
    """Decodes a JPEG, PNG, GIF or BMP to `(H, W, 3)` uint8.

    Raises:
        ValueError: If `content` has another format, is cut or damaged.
    """
    try:
        return tf.io.decode_image(content, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        reason = error.message.strip().splitlines()[0].split("}} ")[-1]
        raise ValueError(
            f"not a whole JPEG, PNG, GIF or BMP image: {reason}"
        ) from error


def as_jpeg(content: bytes) -> bytes:
    """Returns an image as JPEG: unchanged if it is one, else re-encoded.

    Raises:
        ValueError: If `decode` refuses it.
    """
    pixels = decode(content)
    if content.startswith(_JPEG_START):
        return content
    return tf.io.encode_jpeg(pixels, quality=_QUALITY).numpy()
