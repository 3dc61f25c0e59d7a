"""Images decode as Pillow and a viewer show them; others are named."""

import io

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tensorflow as tf

from tfrecords import image_header, jpeg


def encoded(image, fmt, **options):
    content = io.BytesIO()
    image.save(content, fmt, **options)
    return content.getvalue()


def smooth(mode="RGB", size=(24, 16)):
    """An image without edges, whose JPEG is close to it; corners differ."""
    rows, columns = np.mgrid[: size[1], : size[0]] / max(size)
    values = np.stack([rows, columns, rows * columns, 1 - rows], axis=-1)
    count = len(PIL.Image.new(mode, (1, 1)).getbands())
    array = np.squeeze((255 * values[..., :count]).astype(np.uint8))
    return PIL.Image.fromarray(array, mode)


def seen(content):
    """What a viewer shows: upright, on white."""
    image = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(content)))
    image = image.convert("RGBA")
    white = PIL.Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return np.asarray(white.convert("RGB")).astype(int)


@pytest.mark.parametrize("number", range(1, 9))
def test_exif_orientation_is_applied_and_not_applied_again(number):
    exif = PIL.Image.Exif()
    exif[0x0112] = number
    content = encoded(smooth(), "JPEG", exif=exif, quality=98)
    assert image_header.orientation(content) == number
    for result in (content, jpeg.as_jpeg(content), jpeg.upright(content)):
        difference = np.abs(jpeg.decode(result).numpy() - seen(content))
        # A wrong turn differs by 20 and more; JPEG by 2.
        assert difference.mean() < 4
    assert (jpeg.as_jpeg(content) == content) == (number == 1)
    assert image_header.orientation(jpeg.as_jpeg(content)) == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "RGB"])
def test_transparent_pixels_are_white(mode):
    content = encoded(smooth(mode), "PNG")
    np.testing.assert_allclose(jpeg.decode(content), seen(content), atol=1)
    graph = tf.function(jpeg.pixels)(tf.constant(content))
    np.testing.assert_array_equal(graph, jpeg.decode(content))


def test_a_transparent_colour_of_a_palette_is_white():
    image = smooth().convert("P", palette=PIL.Image.Palette.ADAPTIVE)
    content = encoded(image, "PNG", transparency=image.getpixel((0, 0)))
    np.testing.assert_allclose(jpeg.decode(content), seen(content), atol=1)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "GIF", "BMP", "WebP"])
def test_the_header_says_format_and_size(fmt):
    for size in ((24, 16), (300, 7)):
        content = encoded(smooth(size=size), fmt)
        assert image_header.format_of(content) == fmt
        assert image_header.dimensions(content) == size
        assert jpeg.decode(content).shape == (*size[::-1], 3)
        # Cut anywhere, the header is read without an exception.
        for length in range(0, len(content), 3):
            image_header.dimensions(content[:length])
            image_header.orientation(content[:length])


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0"}])
def test_every_kind_of_webp_has_its_size(options):
    content = encoded(smooth(), "WebP", **options)
    assert image_header.dimensions(content) == (24, 16)


def test_a_cmyk_jpeg_is_decoded():
    content = encoded(smooth().convert("CMYK"), "JPEG", quality=98)
    difference = np.abs(jpeg.decode(content).numpy() - seen(content))
    assert difference.mean() < 3
    assert jpeg.as_jpeg(content) == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encoded(smooth(), "TIFF"), "seems to be TIFF. Convert it"),
        (b"\0\0\0\x1cftypavif", "seems to be AVIF"),
        (b"\0\0\0\x1cftypheic", "seems to be HEIC"),
        (b"\xff\x0a\xff", "seems to be JPEG XL"),
        (b"<!DOCTYPE html><html>404", "seems to be a web page"),
        (b"\n<?xml version='1.0'?><svg>", "seems to be SVG"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"", "the file is empty"),
        (b"abc", "format is unknown"),
        (encoded(smooth(), "JPEG")[:300], "not a whole JPEG image"),
        (encoded(smooth(), "PNG")[:60], "not a whole PNG image"),
    ],
)
def test_what_cannot_be_decoded_is_named(content, message):
    for function in (jpeg.decode, jpeg.as_jpeg, jpeg.upright):
        with pytest.raises(ValueError, match=message):
            function(content)


@pytest.mark.parametrize("size", [(12_000, 12_000), (1, 66_000)])
def test_a_decompression_bomb_is_refused_by_its_header(size):
    content = bytearray(encoded(smooth(), "PNG"))
    content[16:24] = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big")
    with pytest.raises(ValueError, match=rf"Received: {size[0]:,} x "):
        jpeg.decode(bytes(content))
