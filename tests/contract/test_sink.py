"""Every sink of ours, put to the contract that all sinks fulfil."""

import io
import json
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from robot_app.core.step import Sink
from robot_app.media.recording.background import LiveRecording
from robot_app.media.recording.reader import read_steps
from robot_app.media.recording.writer import RecordingWriter
from robot_app.media.video import VideoSink
from robot_app.runtime.console import EventPrinter, Progress, Summary
from robot_app.runtime.event_stream import EventCallback, EventWriter
from robot_app.tools.contracts import SinkContract
from tests.support.view import live_view
from tests.support.vision import CARD

NAMES = ("vector",)


class InFolder(SinkContract):
    """A sink that writes into a folder of its own."""

    @pytest.fixture(autouse=True)
    def new_folder(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.new = lambda: tmp_path_factory.mktemp("sink")

    @contextmanager
    def make(self) -> Iterator[Sink]:
        yield self.sink(self.new())

    @abstractmethod
    def sink(self, folder: Path) -> Sink: ...


class TestLiveRecording(InFolder):
    def sink(self, folder: Path) -> Sink:
        return LiveRecording(folder / "new.mcap", CARD)

    def test_what_was_written_can_be_read(self):
        with self.make() as sink, sink:
            self.write_all(sink)
        assert isinstance(sink, LiveRecording)
        assert [step.frame.index for step in read_steps(sink.report().paths[-1])] == list(range(6))


class TestRecordingWriter(InFolder):
    def sink(self, folder: Path) -> Sink:
        return RecordingWriter(folder / "new.mcap", CARD)


class TestVideoSink(InFolder):
    def sink(self, folder: Path) -> Sink:
        return VideoSink(folder / "new.mp4", NAMES)


class TestEventWriter(InFolder):
    def sink(self, folder: Path) -> Sink:
        self.path = folder / "events.jsonl"
        return EventWriter(str(self.path), NAMES)

    def test_each_event_is_a_line(self):
        with self.make() as sink, sink:
            self.write_all(sink)
        kinds = [json.loads(line)["event"] for line in self.path.read_text(encoding="utf-8").splitlines()]
        assert kinds == 3 * ["appeared", "near", "my_own", "disappeared"]


class TestLivePage(InFolder):
    @contextmanager
    def make(self) -> Iterator[Sink]:
        with live_view(self.new()) as view:
            yield view.sink


class InMemory(SinkContract):
    @contextmanager
    def make(self) -> Iterator[Sink]:
        yield self.sink()

    def sink(self) -> Sink:
        raise NotImplementedError


class TestEventPrinter(InMemory):
    def sink(self) -> Sink:
        return EventPrinter(NAMES, io.StringIO())


class TestProgress(InMemory):
    def sink(self) -> Sink:
        return Progress(io.StringIO())


class TestSummary(InMemory):
    def sink(self) -> Sink:
        return Summary()


class TestEventCallback(InMemory):
    def sink(self) -> Sink:
        return EventCallback(lambda event, step: None)
