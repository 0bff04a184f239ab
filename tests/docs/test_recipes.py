"""What CONTRIBUTING.md says must be touched to add something is all that must be touched."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from robot_app.core.files import DEMO_RECORDING
from tests.support.markdown import TOP, blocks

SHOWN = {block.text.partition("\n")[0]: block.text for block in blocks("python") if block.page == "CONTRIBUTING.md"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the package, to be changed."""
    shutil.copytree(TOP / "robot_app", tmp_path / "robot_app", ignore=shutil.ignore_patterns("__pycache__", "*.mcap"))
    shutil.copytree(TOP / "models", tmp_path / "models", ignore=shutil.ignore_patterns("studies"))
    return tmp_path


def add_file(checkout: Path, name: str) -> None:
    path = checkout / name
    assert not path.exists()
    path.write_text(SHOWN[f"# {name}"].partition("\n")[2], encoding="utf-8")


def change(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1, f"{path.name}: no {pattern}"
    path.write_text(text, encoding="utf-8")


def robot_app(checkout: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from robot_app.cli.main import main; sys.exit(main())",
            *map(str, arguments),
        ],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_behaviour_is_one_file_and_one_line(checkout: Path):
    add_file(checkout, "robot_app/behaviour/nod.py")
    registry = checkout / "robot_app/behaviour/registry.py"
    (line,) = (text for text in SHOWN.values() if text.count("\n") == 1)
    change(registry, r"^(class BehaviourSections.*\n(?:(?:    .*)?\n)*?)(    \w+: \w+ = \w+\(\)\n)", rf"\1\2{line}")
    change(registry, r"^(from robot_app\.behaviour\.)", r"from robot_app.behaviour.nod import NodSettings\n\1")
    (checkout / "near.toml").write_text("[nod]\nnear_mm = 900\n")
    done = robot_app(checkout, "replay", DEMO_RECORDING, "--behaviour", "nod", "--config", "near.toml")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^actions  [1-9]\d* SetHead$", done.stdout, re.MULTILINE), done.stdout
    (checkout / "near.toml").write_text("[nod]\nnear_m = 900\n")
    done = robot_app(checkout, "replay", DEMO_RECORDING, "--behaviour", "nod", "--config", "near.toml")
    assert done.stderr == 'error: near.toml: unknown key "near_m" in [nod]; did you mean "near_mm"?\n'
    assert "expected one of: nod, watch" in robot_app(checkout, "replay", DEMO_RECORDING, "--behaviour", "xyz").stderr


def test_a_command_is_one_file_and_its_name(checkout: Path):
    add_file(checkout, "robot_app/cli/count.py")
    main = checkout / "robot_app/cli/main.py"
    change(main, r"^from robot_app\.cli import ", r"\g<0>count, ")
    change(main, r"^COMMANDS = \(", r"\g<0>count, ")
    done = robot_app(checkout, "count", DEMO_RECORDING)
    assert (done.returncode, done.stdout) == (0, "262 frames\n"), done.stderr
    assert re.search(r"count +count frames", robot_app(checkout, "--help").stdout)
