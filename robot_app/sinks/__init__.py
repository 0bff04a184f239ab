"""What watches the loop. A sink takes every step; `robot_app.recording.LiveRecording` is one as well."""

from robot_app.sinks.base import Sink
from robot_app.sinks.event_stream import EventCallback, EventWriter
from robot_app.sinks.events import EventPrinter
from robot_app.sinks.progress import Progress
from robot_app.sinks.summary import RunSummary, Summary
from robot_app.sinks.video import VideoSink

__all__ = ["EventCallback", "EventPrinter", "EventWriter", "Progress", "RunSummary", "Sink", "Summary", "VideoSink"]
