"""Types of command line arguments that several commands take."""

import argparse
import re


def size_hw(text: str) -> tuple[int, int]:
    """`WIDTHxHEIGHT` in pixels to (height, width).

    Raises:
        argparse.ArgumentTypeError: it is written otherwise.
    """
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 640x360, found {text!r}")
    return int(match[2]), int(match[1])
