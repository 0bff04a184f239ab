"""Detects another Vector in Vector's camera and reacts to it. Runs beside the robot; needs no torch."""

import os

# ONNX Runtime's builds report usage and leave a device id in the user's home, unless told not to before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# FFmpeg's own complaints add nothing to ours. OpenCV reads this once, at the first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# What gRPC writes to stderr in its own format comes to us as errors as well. It reads this at the import.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
