"""Recordings: MCAP files of steps that Foxglove opens and that replay exactly."""

from robot_app.recording.reader import read_card, read_steps
from robot_app.recording.writer import RecordingWriter

__all__ = ["RecordingWriter", "read_card", "read_steps"]
