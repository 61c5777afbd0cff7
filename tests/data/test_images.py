import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from kzoo.data import Resize
from kzoo.data.images import decode_image, read_image, view_pixels

RANDOM = np.random.RandomState(0)
RGB = RANDOM.randint(0, 256, (12, 9, 3), np.uint8)
GREY = RGB[..., 0]


def saved(tmp_path, image, name="image.png", **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize(
    ("name", "options"),
    [("i.png", {}), ("i.bmp", {}), ("i.tiff", {}), ("i.webp", {"lossless": True})],
)
def test_lossless_formats_are_read_exactly(tmp_path, name, options):
    np.testing.assert_array_equal(read_image(saved(tmp_path, RGB, name, **options)), RGB)


def test_jpeg_equals_tensorflows_decoder(tmp_path):
    smooth = np.asarray(Image.fromarray(RGB).resize((64, 48), Image.Resampling.BICUBIC))
    path = saved(tmp_path, smooth, "i.jpg", quality=95)
    decoded = tf.io.decode_jpeg(tf.io.read_file(str(path)), dct_method="INTEGER_ACCURATE")
    np.testing.assert_allclose(read_image(path).astype(int), decoded.numpy().astype(int), atol=2)


def test_first_frame_of_a_gif(tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    path = saved(tmp_path, frames[0], "i.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(path), np.full((3, 4, 3), [255, 0, 0]))


def test_grey_keeps_one_channel_and_repeats_in_three(tmp_path):
    path = saved(tmp_path, GREY)
    np.testing.assert_array_equal(read_image(path), GREY[..., None])
    np.testing.assert_array_equal(read_image(path, 3), np.repeat(GREY[..., None], 3, axis=-1))


def test_colour_to_grey_is_itu_601(tmp_path):
    luma = RGB @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(read_image(saved(tmp_path, RGB), 1)[..., 0], luma, atol=0.51)


def test_one_bit(tmp_path):
    path = saved(tmp_path, Image.fromarray(GREY).convert("1"))
    assert set(np.unique(read_image(path))) == {0, 255}
    assert read_image(path).shape == (12, 9, 1)


@pytest.mark.parametrize("name", ["i.png", "i.tiff"])
def test_16_bits_are_scaled_not_cut(tmp_path, name):
    levels = np.arange(256, dtype=np.uint16).reshape(16, 16)
    np.testing.assert_array_equal(
        read_image(saved(tmp_path, levels * 257, name))[..., 0], levels.astype(np.uint8)
    )
    near_white = np.full((2, 2), 65535 - 100, np.uint16)
    assert (read_image(saved(tmp_path, near_white, name)) == 255).all()


def test_floating_point_pixels_are_refused(tmp_path):
    path = saved(tmp_path, np.zeros((2, 2), np.float32), "i.tiff")
    with pytest.raises(ValueError, match=r"i\.tiff cannot be read.*floating-point"):
        read_image(path)


def test_32_bit_integers_beyond_16_bits_are_refused(tmp_path):
    path = saved(tmp_path, np.full((2, 2), 70000, np.int32), "i.tiff")
    with pytest.raises(ValueError, match=r"i\.tiff cannot be read.*outside 0\.\.65535"):
        read_image(path)


@pytest.mark.parametrize("grey", [False, True])
def test_alpha_is_laid_on_white(tmp_path, grey):
    alpha = RANDOM.randint(0, 256, (12, 9, 1), np.uint8)
    colour = GREY[..., None] if grey else RGB
    read = read_image(saved(tmp_path, np.concatenate([colour, alpha], axis=-1)))
    weight = alpha / 255
    assert read.shape[-1] == (1 if grey else 3)
    np.testing.assert_allclose(read, colour * weight + 255 * (1 - weight), atol=1.01)


def test_transparent_palette_entry_becomes_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert read_image(saved(tmp_path, image)).tolist() == [[[10, 20, 30], [40, 50, 60]]]
    path = saved(tmp_path, image, "t.png", transparency=1)
    assert read_image(path).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_transparent_colour_of_a_grey_png(tmp_path):
    path = saved(tmp_path, np.array([[5, 9]], np.uint8), transparency=9)
    assert read_image(path).tolist() == [[[5], [255]]]


def test_cmyk_jpeg(tmp_path):
    path = saved(tmp_path, Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "i.jpg")
    np.testing.assert_allclose(read_image(path), np.full((16, 16, 3), [255, 0, 0]), atol=4)


@pytest.mark.parametrize("orientation", range(10))
def test_orientations_are_pillows(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, RGB, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(path), expected)


def test_a_damaged_exif_block_is_passed_over(tmp_path):
    plain = saved(tmp_path, RGB, "plain.jpg", dpi=(72, 72))
    damaged = saved(tmp_path, RGB, "damaged.jpg", dpi=(72, 72), exif=b"Exif\x00\x00no TIFF file")
    with Image.open(damaged) as image, pytest.raises(SyntaxError, match="not a TIFF file"):
        image.getexif()
    np.testing.assert_array_equal(read_image(damaged), read_image(plain))


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to show"
    np.testing.assert_array_equal(read_image(saved(tmp_path, RGB, exif=exif)), np.rot90(RGB, -1))


@pytest.mark.parametrize("name", ["i.png", "i.jpg", "i.gif", "i.webp", "i.bmp"])
def test_truncated_file_is_named(tmp_path, name):
    path = saved(tmp_path, np.asarray(Image.fromarray(RGB).resize((90, 120))), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"{name} cannot be read as an image"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_other_content_is_named(tmp_path, content):
    (tmp_path / "i.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"i\.png cannot be read as an image"):
        read_image(tmp_path / "i.png")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.png cannot be read as an image"):
        read_image(tmp_path / "none.png")


def test_channels_are_refused():
    with pytest.raises(ValueError, match=r"channels must be 1 \(grey\) or 3.*received 2"):
        read_image("i.png", 2)


def test_decoding_bytes_equals_reading_the_file(tmp_path):
    path = saved(tmp_path, RGB)
    np.testing.assert_array_equal(
        decode_image(path.read_bytes(), "it", 1, Resize(5)), read_image(path, 1, Resize(5))
    )
    with pytest.raises(ValueError, match="it cannot be read as an image"):
        decode_image(b"", "it")


def test_an_image_of_the_size_is_not_touched():
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "png")
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), "it", None, Resize((12, 9))), RGB)


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_pixels_in_memory_are_viewed_as_those_of_a_file(tmp_path, channels):
    for pixels in (RGB, GREY[..., None]):
        path = saved(tmp_path, pixels.squeeze())
        read = read_image(path, channels, Resize(7))
        np.testing.assert_array_equal(view_pixels(pixels, channels, Resize(7)), read)


@pytest.mark.parametrize("depth", [2, 4, 5])
def test_channels_that_are_no_colours_are_viewed_one_by_one(depth):
    pixels = RANDOM.randint(0, 256, (12, 9, depth), np.uint8)
    viewed = view_pixels(pixels, None, Resize(7))
    for channel in range(depth):
        alone = view_pixels(pixels[..., channel : channel + 1], None, Resize(7))
        np.testing.assert_array_equal(viewed[..., channel : channel + 1], alone)
    with pytest.raises(ValueError, match=f"is for grey and colour images; these have {depth} chan"):
        view_pixels(pixels, 3, Resize(7))
