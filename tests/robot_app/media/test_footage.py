import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from robot_app.core.errors import InputError
from robot_app.core.frame import Frame, encode_jpeg
from robot_app.core.vector_spec import FRAME_HW
from robot_app.media.footage import fit_frame, read_footage, read_frames, read_named_footage
from robot_app.media.recording.writer import RecordingWriter
from robot_app.media.timeline import TimeRange
from tests.support.steps import assert_same_step, make_step
from tests.support.vision import CARD, paint_scene

BOX = (100, 50, 200, 150)


def save_video(path: Path, frames: int = 12, fps: float = 20.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (640, 360))
    for index in range(frames):
        writer.write(paint_scene(cyan=(100 + 10 * index, 50, 200 + 10 * index, 150)))
    writer.release()
    return path


def test_a_folder_is_read_by_name_and_its_jpeg_bytes_are_kept(tmp_path: Path):
    (tmp_path / "b").mkdir()
    jpeg = encode_jpeg(paint_scene(cyan=BOX), quality=70)
    (tmp_path / "b" / "2.JPG").write_bytes(jpeg)
    small = paint_scene(hw=(90, 120))
    cv2.imwrite(str(tmp_path / "a.png"), small)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.jpg").write_text("no image either")
    first, second = read_named_footage(tmp_path)
    assert (first.name, second.name) == ("a.png", "b/2.JPG")
    assert first.frame.image().shape == (90, 120, 3)
    assert np.abs(first.frame.image().astype(int) - small).mean() < 2
    assert second.frame.jpeg == jpeg
    assert second.frame.received_at_s == pytest.approx(1 / 30)


def test_a_single_image_is_one_frame(tmp_path: Path):
    jpeg = encode_jpeg(paint_scene())
    (tmp_path / "a.jpeg").write_bytes(jpeg)
    assert list(read_frames(tmp_path / "a.jpeg")) == [Frame(0, 0.0, 0.0, jpeg)]


def test_a_video_gives_its_frames_at_its_rate(tmp_path: Path):
    named = list(read_named_footage(save_video(tmp_path / "walk.mp4", frames=12, fps=20.0)))
    assert [n.name for n in named] == [f"walk.mp4#{index}" for index in range(12)]
    assert [n.frame.received_at_s for n in named] == pytest.approx([index / 20 for index in range(12)])
    seen = named[7].frame.image()[100, :, 0] > 180
    assert np.flatnonzero(seen)[[0, -1]] == pytest.approx([170, 269], abs=3)


def test_a_recording_gives_its_steps_and_frames_as_they_were(tmp_path: Path):
    steps = [make_step(index) for index in (3, 5)]
    with RecordingWriter(tmp_path / "walk.mcap", CARD) as writer:
        for step in steps:
            writer.write(step)
    assert list(read_frames(tmp_path / "walk.mcap")) == [step.frame for step in steps]
    assert [n.name for n in read_named_footage(tmp_path / "walk.mcap")] == ["walk.mcap#3", "walk.mcap#5"]
    for found, expected in zip(read_footage(tmp_path / "walk.mcap"), steps, strict=True):
        assert_same_step(found, expected)


def test_other_footage_is_decided_when_it_came(tmp_path: Path):
    steps = list(read_footage(save_video(tmp_path / "walk.avi", frames=3)))
    assert [step.decided_at_s for step in steps] == [step.frame.received_at_s for step in steps]
    assert all(len(step.detections) == 0 for step in steps)


def test_footage_without_a_model_is_replayed_as_if_the_robot_obeyed(tmp_path: Path):
    step = make_step(3)
    uncontrolled = replace(step, state=replace(step.state, has_control=False))
    for name, card in (("bare.mcap", None), ("lived.mcap", CARD)):
        with RecordingWriter(tmp_path / name, card) as writer:
            writer.write(uncontrolled)
    assert_same_step(next(read_footage(tmp_path / "bare.mcap")), step)
    assert_same_step(next(read_footage(tmp_path / "lived.mcap")), uncontrolled)


def test_a_span_of_a_video_or_a_recording(tmp_path: Path):
    video = save_video(tmp_path / "walk.mp4", frames=12, fps=20.0)
    assert [step.frame.index for step in read_footage(video, TimeRange(0.2, 0.3))] == [4, 5]
    with RecordingWriter(tmp_path / "walk.mcap", CARD) as writer:
        for index in range(10):
            writer.write(make_step(index, fps=10.0))
    named = list(read_named_footage(tmp_path / "walk.mcap", TimeRange(0.35)))
    assert [n.name for n in named] == [f"walk.mcap#{index}" for index in range(4, 10)]


@pytest.mark.parametrize("name", ["walk.mp4", "walk.mcap"])
def test_a_span_beyond_the_end_is_told(tmp_path: Path, name: str):
    save_video(tmp_path / "walk.mp4")
    with RecordingWriter(tmp_path / "walk.mcap", CARD) as writer:
        writer.write(make_step(0))
    with pytest.raises(InputError, match=rf"{name}: no frame from 60 s on and before 70 s"):
        list(read_footage(tmp_path / name, TimeRange(60.0, 70.0)))


@pytest.mark.parametrize(("from_s", "to_s"), [(5.0, 5.0), (5.0, 2.0), (-1.0, 2.0)])
def test_a_span_without_time_in_it_is_refused(from_s: float, to_s: float):
    with pytest.raises(InputError, match="nothing lies between"):
        TimeRange(from_s, to_s)


def test_frames_of_the_cameras_size_are_not_touched():
    frame = Frame(4, 1.0, 2.0, encode_jpeg(paint_scene()))
    assert fit_frame(frame) is frame


def test_other_sizes_are_letterboxed_to_the_cameras():
    frame = Frame(4, 1.0, 2.0, encode_jpeg(paint_scene(cyan=(0, 0, 300, 600), hw=(600, 300))))
    fitted = fit_frame(frame)
    assert (fitted.index, fitted.captured_at_s, fitted.received_at_s) == (4, 1.0, 2.0)
    image = fitted.image()
    assert image.shape == (*FRAME_HW, 3)
    np.testing.assert_allclose(image[180, 320], (255, 255, 0), atol=6)
    np.testing.assert_allclose(image[180, [20, 620]], 114, atol=2)


def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish" * 200)


def _half(path: Path) -> None:
    path.write_bytes(encode_jpeg(paint_scene())[:2000])


def _far_too_large(path: Path) -> None:
    """A PNG whose header promises 60000 x 60000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(bytes(1000)), b"IEND"]
    packed = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def _empty_folder(path: Path) -> None:
    path.mkdir()


def _folder_with_a_bad_image(path: Path) -> None:
    path.mkdir()
    (path / "bad.jpg").write_bytes(b"rubbish")


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("a.jpg", _missing, "no such file or folder"),
        ("a.jpg", _empty, "not a readable image"),
        ("a.jpg", _half, "not a readable image"),
        ("a.png", _rubbish, "not a readable image"),
        ("a.png", _far_too_large, "cannot be decoded"),
        ("a.mp4", _missing, "no such file or folder"),
        ("a.mp4", _empty, "no frame can be decoded"),
        ("a.mp4", _rubbish, "no frame can be decoded"),
        ("a.mcap", _missing, "no such file or folder"),
        ("a.mcap", _rubbish, "not an MCAP file"),
        ("a.docx", _rubbish, r'kind "\.docx" are not known; expected a recording'),
        ("folder", _empty_folder, "holds no images"),
        ("folder", _folder_with_a_bad_image, r"bad\.jpg: not a readable image"),
    ],
)
@pytest.mark.parametrize("read", [read_frames, read_footage])
def test_what_is_no_footage_is_one_clear_line(tmp_path: Path, name: str, make, says: str, read):
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError, match=says) as caught:
        list(read(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_broken_video_makes_ffmpeg_print_nothing(tmp_path: Path):
    _rubbish(tmp_path / "a.mp4")
    code = "import sys, pathlib, robot_app.media.footage as f; list(f.read_frames(pathlib.Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(tmp_path / "a.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "InputError" in done.stderr
    assert "moov" not in done.stderr
    assert "WARN" not in done.stderr
