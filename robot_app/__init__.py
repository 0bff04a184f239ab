"""Detects another Vector in Vector's camera and reacts to it. Runs beside the robot; needs no torch."""

import os

# ONNX Runtime's builds report usage and leave a device id in the user's home, unless told not to before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
