"""Runs `robot-train import` and `version` as people do."""

import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from training.cli.main import main


@dataclass(frozen=True)
class Made:
    """A version's folder and what was said about it."""

    folder: Path
    text: str

    @property
    def id(self) -> str:
        return self.folder.name

    def lines(self, start: str) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith(start)]


def run_robot_train(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and error output."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def make_version(command: str, *arguments: object) -> Made:
    """Run `import` or `version`, which must succeed."""
    code, text, error = run_robot_train(command, *arguments)
    assert code == 0, error
    match = re.search(r"^(?:wrote|there already, unchanged:) (.+): \d+ images", text, re.MULTILINE)
    assert match, text
    return Made(Path(match[1]), text)


def refusal(*arguments: object) -> str:
    """The one line that a command ends with which must fail."""
    code, _, error = run_robot_train(*arguments)
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error.removeprefix("error: ").rstrip()


def files_below(folder: Path) -> dict[str, bytes]:
    """All files, hidden ones too, with what is in them."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
