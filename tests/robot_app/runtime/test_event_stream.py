import errno
import io
import json

import pytest

from robot_app.core.errors import InputError
from robot_app.runtime.event_stream import EventCallback, EventWriter
from tests.support.steps import make_step

STEPS = [make_step(index) for index in range(25)]


def write_all(sink):
    with sink:
        for step in STEPS:
            sink.write(step)


def test_a_callback_gets_every_event_with_its_step():
    calls = []
    write_all(EventCallback(lambda event, step: calls.append((event.kind, event.track.id, step.frame.index))))
    assert calls == [("appeared", 1, 0), ("appeared", 1, 10), ("appeared", 1, 20)]


def test_every_event_is_a_line_of_json_at_the_end_of_the_file(tmp_path):
    path = tmp_path / "events.jsonl"
    write_all(EventWriter(str(path), ("vector",)))
    write_all(EventWriter(str(path), ("vector",)))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 6
    assert lines[1] == lines[4]
    assert {name: lines[1][name] for name in ("time_s", "frame", "event", "class")} == {
        "time_s": 0.333, "frame": 10, "event": "appeared", "class": "vector",
    }  # fmt: skip
    assert lines[1]["track"]["distance_mm"] == 1000 / 3
    assert lines[1]["track"]["distance_sigma_mm"] == 100 / 7


def test_a_line_is_there_at_once(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventWriter(str(path), ("vector",)) as sink:
        sink.write(STEPS[0])
        assert len(path.read_text().splitlines()) == 1


def test_a_hyphen_is_standard_output(capsys):
    write_all(EventWriter("-", ("vector",)))
    assert [json.loads(line)["frame"] for line in capsys.readouterr().out.splitlines()] == [0, 10, 20]


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="events cannot be written"), EventWriter(str(tmp_path / "no" / "a"), ()):
        pass


def test_a_full_disk_is_told_in_one_line_and_ends_nothing(caplog):
    write_all(EventWriter("/dev/full", ("vector",)))
    (told,) = caplog.messages
    assert told.startswith("/dev/full: events cannot be written")


def test_standard_output_that_nobody_reads_ends_it(monkeypatch):
    class Closed(io.StringIO):
        def flush(self):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(InputError, match=r"standard output: events cannot be written \(Broken pipe\)"):
        write_all(EventWriter("-", ("vector",)))
