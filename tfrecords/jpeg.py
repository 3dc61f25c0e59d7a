"""Encoded images: decoded, and re-encoded as JPEG for records."""

import tensorflow as tf

from tfrecords import image_header

_READ = ("JPEG", "PNG", "GIF", "BMP", "WebP")
# Quality for images of other formats: their difference from the original is
# hardly visible.
_QUALITY = 95
# Pillow's limit, above which it warns of a decompression bomb: a quarter of a
# gigabyte of RGB.
_MOST_PIXELS = 1024**3 // 12
_LONGEST_SIDE = 65_500  # libjpeg's JPEG_MAX_DIMENSION


def pixels(content: tf.Tensor) -> tf.Tensor:
    """Decodes an image inside a graph, which cannot read EXIF's orientation.

    Args:
        content: Encoded bytes, a scalar.

    Returns:
        `(H, W, 3)` uint8; transparent pixels are mixed with white, of an
        animation the first frame.
    """
    decoded = tf.io.decode_image(content, expand_animations=False)
    decoded.set_shape((None, None, None))
    count = tf.shape(decoded)[-1]

    def mixed() -> tf.Tensor:
        values = tf.cast(decoded, tf.float32)
        colour, alpha = values[..., :-1], values[..., -1:] / 255
        on_white = colour * alpha + 255 * (1 - alpha)
        return tf.cast(tf.floor(on_white + 0.5), tf.uint8)

    # Two channels are grey with alpha, four are RGB with alpha.
    opaque = tf.cond(tf.equal(tf.abs(count - 3), 1), mixed, lambda: decoded)
    rgb = tf.cond(
        tf.equal(tf.shape(opaque)[-1], 1),
        lambda: tf.tile(opaque, (1, 1, 3)),
        lambda: opaque,
    )
    return tf.ensure_shape(rgb, (None, None, 3))


def decode(content: bytes) -> tf.Tensor:
    """Decodes an image to `(H, W, 3)` uint8, upright, on white.

    Raises:
        ValueError: If `content` is no JPEG, PNG, GIF, BMP or WebP, is cut or
            damaged, or has too many pixels.
    """
    name = image_header.format_of(content)
    if name not in _READ:
        seems = f"it seems to be {name}" if name else "its format is unknown"
        cure = "Convert it."
        if not content:
            seems, cure = "the file is empty", "Fetch it again."
        raise ValueError(
            f"not a JPEG, PNG, GIF, BMP or WebP image: {seems}. {cure}"
        )
    size = image_header.dimensions(content)
    if size is not None:
        _check_size(*size)
    try:
        decoded = pixels(tf.constant(content))
    except tf.errors.InvalidArgumentError as error:
        reason = error.message.strip().splitlines()[0].split("}} ")[-1]
        reason = reason.partition(" [Op:")[0]
        raise ValueError(f"not a whole {name} image: {reason}") from error
    return _turned(decoded, image_header.orientation(content))


def _check_size(width: int, height: int) -> None:
    if width * height > _MOST_PIXELS or max(width, height) > _LONGEST_SIDE:
        raise ValueError(
            f"an image must have at most {_MOST_PIXELS:,} pixels and sides of "
            f"at most {_LONGEST_SIDE:,}. Received: {width:,} x {height:,}. "
            "Make it smaller."
        )


def _turned(image: tf.Tensor, orientation: int) -> tf.Tensor:
    """Turns an image upright that has one of EXIF's orientations."""
    if orientation >= 5:
        image = tf.transpose(image, (1, 0, 2))
    if orientation in (3, 4, 7, 8):
        image = tf.reverse(image, (0,))
    if orientation in (2, 3, 6, 7):
        image = tf.reverse(image, (1,))
    return image


def upright(content: bytes) -> bytes:
    """Returns an image that `pixels` decodes as `decode` does.

    Unchanged unless its EXIF orientation turns it.

    Raises:
        ValueError: If `decode` refuses it.
    """
    decoded = decode(content)
    if image_header.orientation(content) == 1:
        return content
    return tf.io.encode_jpeg(decoded, quality=_QUALITY).numpy()


def as_jpeg(content: bytes) -> bytes:
    """Returns an image as upright JPEG: unchanged if it is, else re-encoded.

    Raises:
        ValueError: If `decode` refuses it.
    """
    if image_header.format_of(content) == "JPEG":
        return upright(content)
    return tf.io.encode_jpeg(decode(content), quality=_QUALITY).numpy()
