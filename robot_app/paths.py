"""Where the files are that come with this software."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

DEFAULT_MODEL = _PACKAGE.parent / "models" / "vector.onnx"
"""The shipped model: `models/` of the checkout, beside this package. An editable install runs from the checkout."""

DEMO_RECORDING = _PACKAGE / "data" / "demo.mcap"
"""What the emulated robot's camera sees in the demo."""
