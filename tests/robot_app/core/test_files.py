"""A file or folder is there whole, or as it was before; whatever happens in between."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from robot_app.core.errors import InputError
from robot_app.core.files import new_folder, replacing, write_whole


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_half(path: Path, error: BaseException) -> None:
    with replacing(path) as part:
        part.write_text("half")
        raise error


def fill_half(path: Path, error: BaseException) -> None:
    with new_folder(path) as part:
        (part / "image.jpg").write_bytes(b"")
        raise error


@pytest.mark.parametrize("name", ["last.pt", "clip.mp4", "no_suffix", "two.dots.json", ".hidden"])
def test_a_file_takes_its_place_at_the_end_of_the_block(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"old")
    with replacing(path) as part:
        part.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert part.parent == path.parent  # the same disk: a rename and no copy
        assert path.suffix in ("", part.suffix)  # some writers choose their format by it
        assert part.name.startswith(".")  # programs that list the folder leave it alone
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("error", [ValueError("bad"), OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("older", [True, False])
def test_after_an_error_all_is_as_before(tmp_path, error, older):
    path = tmp_path / "report.html"
    if older:
        path.write_text("old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert names_in(tmp_path) == (["report.html"] if older else [])
    assert not older or path.read_text() == "old"


def test_a_block_that_removes_the_new_file_changes_nothing(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("old")
    with replacing(path) as part:
        part.unlink()
    assert path.read_text() == "old"


KILLED = """
import os, signal, sys
from pathlib import Path
from robot_app.core.files import new_folder, replacing

kind, path = sys.argv[1], Path(sys.argv[2])
with (replacing if kind == "file" else new_folder)(path) as part:
    inside = part if kind == "file" else part / "image.jpg"
    inside.write_bytes(b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_process_leaves_the_older_file_and_the_next_one_cleans_up(tmp_path):
    path = tmp_path / "last.pt"
    path.write_bytes(b"old and whole")
    ended = subprocess.run([sys.executable, "-c", KILLED, "file", str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old and whole"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["last.pt"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_process_leaves_no_folder_and_the_next_one_cleans_up(tmp_path):
    path = tmp_path / "labels"
    ended = subprocess.run([sys.executable, "-c", KILLED, "folder", str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not path.exists()
    with new_folder(path) as part:
        assert names_in(part) == []
        (part / "whole.jpg").write_bytes(b"all of it")
    assert names_in(tmp_path) == ["labels"]
    assert names_in(path) == ["whole.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_secret_is_never_readable_by_others(tmp_path):
    path = tmp_path / "sdk_config.ini"
    path.write_text("old")
    path.chmod(0o644)
    leftover = tmp_path / ".sdk_config.part.ini"
    leftover.write_text("of a killed process")
    leftover.chmod(0o666)
    with replacing(path, mode=0o600) as part:
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        part.write_text("guid = secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_text_is_utf_8_with_its_own_line_ends(tmp_path):
    write_whole(tmp_path / "report.md", "Größe → 1\n")
    assert (tmp_path / "report.md").read_bytes() == "Größe → 1\n".encode()


@pytest.mark.parametrize("place", ["missing/file.json", "file/file.json"])
def test_what_cannot_be_written_is_told_in_one_line(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file\.json: cannot be written \(") as caught:
        write_whole(tmp_path / place, "text")
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == ["file"]


def test_a_new_folder_overwrites_nothing(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("")
    (tmp_path / "file").write_text("")
    for name in ("full", "file"):
        with pytest.raises(InputError, match="exists already"), new_folder(tmp_path / name):
            pass
    with pytest.raises(InputError, match="the folder around it does not exist"), new_folder(tmp_path / "no" / "one"):
        pass
    assert names_in(tmp_path) == ["file", "full"]


def test_a_new_folder_is_not_there_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill_half(tmp_path / "labels", KeyboardInterrupt())
    assert names_in(tmp_path) == []


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "labels").mkdir()
    with new_folder(tmp_path / "labels") as part:
        (part / "image.jpg").write_bytes(b"")
    assert names_in(tmp_path / "labels") == ["image.jpg"]
