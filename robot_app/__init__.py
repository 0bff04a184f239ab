"""Detects another Vector in Vector's camera and reacts to it. Runs beside the robot; needs no torch.

The names that a program of your own needs, each imported when it is first used:

| for | names |
|---|---|
| seeing | `Detector`, `DEFAULT_MODEL`, `Detections`, `Frame`; `Tracker`, `Viewpoint`, `CameraModel`, `Track` |
| deciding | `Decision`, `Event`, and the actions `Say`, `Animate`, `Drive`, `Turn`, `SetHead`, `Stop` |
| robots | `read_sdk_config`, `VectorRobot`, `supervised_vector` (to be left running) |
| stand-ins | `ReplayRobot` (recorded), `SteppedRobot` (emulated, without a clock), `WebcamRobot` (any camera) |
| footage | `read_frames`, `read_footage` |
| running | `run_session`, `Settings`, `load_settings`, `Step`, `Sink`, `EventCallback`, `LiveRecording` |
| errors | `VectorDetectorError`, of which all errors are that a user can mend |

Everything else is imported from the module that defines it.
"""

import os
from typing import TYPE_CHECKING

# ONNX Runtime's builds report usage and leave a device id in the user's home, unless told not to before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# FFmpeg's own complaints add nothing to ours. OpenCV reads this once, at the first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# What gRPC writes to stderr in its own format comes to us as errors as well. It reads this at the import.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

if TYPE_CHECKING:
    from robot_app.behaviour.base import Decision as Decision
    from robot_app.core.actions import Animate as Animate
    from robot_app.core.actions import Drive as Drive
    from robot_app.core.actions import Say as Say
    from robot_app.core.actions import SetHead as SetHead
    from robot_app.core.actions import Stop as Stop
    from robot_app.core.actions import Turn as Turn
    from robot_app.core.camera import CameraModel as CameraModel
    from robot_app.core.detections import Detections as Detections
    from robot_app.core.errors import VectorDetectorError as VectorDetectorError
    from robot_app.core.files import DEFAULT_MODEL as DEFAULT_MODEL
    from robot_app.core.frame import Frame as Frame
    from robot_app.core.step import Sink as Sink
    from robot_app.core.step import Step as Step
    from robot_app.core.tracks import Event as Event
    from robot_app.core.tracks import Track as Track
    from robot_app.emulator.stepped import SteppedRobot as SteppedRobot
    from robot_app.media.footage import read_footage as read_footage
    from robot_app.media.footage import read_frames as read_frames
    from robot_app.media.recording.background import LiveRecording as LiveRecording
    from robot_app.perception.detector import Detector as Detector
    from robot_app.perception.tracker import Tracker as Tracker
    from robot_app.perception.tracker import Viewpoint as Viewpoint
    from robot_app.robots.replaying import ReplayRobot as ReplayRobot
    from robot_app.robots.vector.driver import VectorRobot as VectorRobot
    from robot_app.robots.vector.identity import read_sdk_config as read_sdk_config
    from robot_app.robots.webcam import WebcamRobot as WebcamRobot
    from robot_app.runtime.event_stream import EventCallback as EventCallback
    from robot_app.runtime.session import run_session as run_session
    from robot_app.runtime.settings import Settings as Settings
    from robot_app.runtime.settings import load_settings as load_settings
    from robot_app.safety.supervised import supervised_vector as supervised_vector
else:  # type checkers read the imports above; running programs load a module when a name of it is used
    _HOMES = {
        name: f"robot_app.{module}"
        for module, names in {
            "behaviour.base": ("Decision",),
            "core.actions": ("Animate", "Drive", "Say", "SetHead", "Stop", "Turn"),
            "core.camera": ("CameraModel",),
            "core.detections": ("Detections",),
            "core.errors": ("VectorDetectorError",),
            "core.files": ("DEFAULT_MODEL",),
            "core.frame": ("Frame",),
            "core.step": ("Sink", "Step"),
            "core.tracks": ("Event", "Track"),
            "emulator.stepped": ("SteppedRobot",),
            "media.footage": ("read_footage", "read_frames"),
            "media.recording.background": ("LiveRecording",),
            "perception.detector": ("Detector",),
            "perception.tracker": ("Tracker", "Viewpoint"),
            "robots.replaying": ("ReplayRobot",),
            "robots.vector.driver": ("VectorRobot",),
            "robots.vector.identity": ("read_sdk_config",),
            "robots.webcam": ("WebcamRobot",),
            "runtime.event_stream": ("EventCallback",),
            "runtime.session": ("run_session",),
            "runtime.settings": ("Settings", "load_settings"),
            "safety.supervised": ("supervised_vector",),
        }.items()
        for name in names
    }

    __all__ = list(_HOMES)

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})
