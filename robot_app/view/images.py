"""Images from strangers: looked at before they are decoded, as a small file can hold an enormous picture."""

import io
import warnings

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from robot_app.errors import InputError
from robot_app.frames import Image, decode_image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
LARGEST_PIXELS = 50_000_000


class NotAnImage(InputError):  # noqa: N818 - reads better at the place that catches it
    """The bytes are no image of a known kind."""


class TooManyPixels(InputError):  # noqa: N818
    """The image is larger than allowed."""


def decode_upload(data: bytes, largest_pixels: int = LARGEST_PIXELS) -> Image:
    """Decode to uint8 (H, W, 3) BGR, as the detector's other images are, once the header says that this is safe.

    Raises:
        NotAnImage: the bytes are not of a known image format.
        TooManyPixels: width times height is beyond `largest_pixels`.
        InputError: the header is sound and the rest is not.
    """
    if not data:
        raise NotAnImage("the body is empty; expected the bytes of an image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes that are refused below
            with Pillow.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
    except Pillow.DecompressionBombError as error:
        raise TooManyPixels(f"the image is larger than the {largest_pixels} pixels that are allowed") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        known = ", ".join(FORMATS)
        raise NotAnImage(f"the body ({len(data)} bytes) is no image of a known kind; expected {known}") from error
    if width * height > largest_pixels:
        raise TooManyPixels(f"the image has {width} x {height} pixels; allowed are {largest_pixels} in all")
    return decode_image(data, "the image")
