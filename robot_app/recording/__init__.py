"""Recordings: MCAP files of steps that Foxglove opens and that replay exactly."""

from robot_app.recording.live import LiveRecording, RecordingReport
from robot_app.recording.reader import read_card, read_steps
from robot_app.recording.writer import RecordingWriter, check_new

__all__ = ["LiveRecording", "RecordingReport", "RecordingWriter", "check_new", "read_card", "read_steps"]
