"""The software as a user gets it: what is in the wheel, that it works outside of the checkout, what it needs."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from robot_app.core.errors import pip_command
from robot_app.core.files import DEMO_RECORDING
from robot_app.media.footage import read_frames
from tests.support.view import Client

ROOT = Path(__file__).parents[2]

PROGRAMS = "Scripts" if os.name == "nt" else "bin"

PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "x86_64-pc-windows-msvc", "aarch64-apple-darwin")

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def run(*command, **options):
    """What the command writes to stdout; its whole output where it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=600, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(source, folder):
    """`pip wheel`, with the build backend that is here."""
    pip_wheel = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    run(sys.executable, *pip_wheel, "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(wheel):
    """Name and checksum of every file but the list of them."""
    with zipfile.ZipFile(wheel) as opened:
        return {entry.filename: entry.CRC for entry in opened.infolist() if not entry.filename.endswith("/RECORD")}


def packages(wheel):
    """What it puts beside the packages of others."""
    return {name.partition("/")[0] for name in contents(wheel) if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


class Installed:
    """The wheel in an environment of its own, used from an empty folder by a user with an empty home."""

    def __init__(self, environment, folder):
        self.programs, self.folder = environment / PROGRAMS, folder
        hidden = ("PYTHONPATH", "VIRTUAL_ENV", "UV_OVERRIDE")
        self.variables = {name: value for name, value in os.environ.items() if name not in hidden}
        self.variables |= {"HOME": str(folder), "USERPROFILE": str(folder), "PYTHONUNBUFFERED": "1"}

    def __call__(self, program, *arguments):
        return run(self.programs / program, *arguments, cwd=self.folder, env=self.variables)

    def start(self, program, *arguments):
        command = [str(self.programs / program), *map(str, arguments)]
        return subprocess.Popen(command, cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory, request):
    """In a Python that borrows the packages of this environment; with --install-with, one that has them itself."""
    environment = tmp_path_factory.mktemp("environment")
    python = environment / PROGRAMS / "python"
    if chosen := request.config.getoption("--install-with"):
        run(chosen, "-m", "venv", environment)
        run(python, "-m", "pip", "install", "--quiet", wheel)
    else:
        run(sys.executable, "-m", "venv", "--without-pip", environment)
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
        own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        # Python does not read the .pth files of a folder that it got from one, so an editable install stays hidden.
        (Path(own) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(environment, tmp_path_factory.mktemp("home"))


@pytest.fixture
def picture(tmp_path):
    """What the demo's camera sees while robots are near."""
    frames = list(read_frames(DEMO_RECORDING))
    path = tmp_path / "picture.jpg"
    path.write_bytes(frames[len(frames) // 2].jpeg)
    return path


def test_the_wheel_holds_one_package_with_model_card_and_demo(wheel):
    assert packages(wheel) == {"robot_app"}
    assert contents(wheel).keys() >= {
        "robot_app/models/vector.onnx",
        "robot_app/models/vector.md",
        "robot_app/media/demo.mcap",
        "robot_app/web/static/index.html",
        "robot_app/py.typed",
    }


def test_a_source_distribution_makes_the_same_wheel(wheel, tmp_path):
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", tmp_path, cwd=ROOT)
    (source,) = tmp_path.glob("*.tar.gz")
    assert contents(build_wheel(source, tmp_path)) == contents(wheel)


def test_training_is_a_distribution_of_its_own(tmp_path):
    built = build_wheel(ROOT / "training", tmp_path)
    assert packages(built) == {"training"}
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "training").rglob("*.py")}
    assert sources <= contents(built).keys()


def test_python_finds_the_installed_package_and_nothing_of_the_checkout(installed):
    code = (
        "import importlib.util, robot_app, sys; from robot_app.core.files import DEFAULT_MODEL; "
        "print(robot_app.__file__, DEFAULT_MODEL, importlib.util.find_spec('training'), sep='\\n')"
    )
    package, model, training = installed("python", "-c", code).splitlines()
    environment = installed.programs.parent
    assert Path(package).is_relative_to(environment)
    assert Path(model).is_relative_to(environment)
    assert training == "None"


def test_the_installed_demo_plays(installed):
    told = installed("robot-app", "demo", "--seconds", "3", "--output", "demo")
    assert "appeared     Vector #1" in told
    assert {path.name for path in (installed.folder / "demo").iterdir()} == {"demo.mcap", "demo.mp4"}


def test_the_installed_detector_detects(installed, picture):
    installed("robot-app", "detect", picture, "--output", "found.json")
    assert json.loads((installed.folder / "found.json").read_text())[0]["category"] == "vector"


def test_the_installed_model_is_described(installed):
    assert "vector 2" in installed("robot-app", "inspect")


def test_the_installed_service_answers(installed, picture):
    with installed.start("robot-app", "serve", "--port", 0) as process:
        try:
            for line in process.stdout:
                if found := re.match(r"serve +http://127\.0\.0\.1:(\d+)/$", line):
                    break
            status, body = Client(int(found.group(1))).ask("POST", "/detect", picture.read_bytes())
        finally:
            process.terminate()
    assert (status, json.loads(body)["objects"][0]["category"]) == (200, "vector")


def test_the_installed_software_runs_with_an_emulated_robot(installed):
    with installed.start("robot-app", "emulate") as emulator:
        try:
            assert "is up" in emulator.stdout.readline()
            hint = re.search(r"(\S+) run --emulator (\S+)$", emulator.stdout.readline())
            assert Path(hint.group(1)).name in {"robot-app", "robot-app.exe"}
            with installed.start("robot-app", "run", "--emulator", hint.group(2)) as robot:
                try:
                    assert any("appeared     Vector #1" in line for line in robot.stdout)
                finally:
                    robot.terminate()
        finally:
            emulator.terminate()


def test_the_pip_of_hints_is_the_one_of_this_environment():
    assert sys.prefix in run(*pip_command("--version").split())


def test_hints_name_uv_where_there_is_no_pip(monkeypatch):
    monkeypatch.setattr("robot_app.core.errors.find_spec", lambda _: None)
    uv = Path(sys.executable).with_name("uv")
    assert "numpy" in run(uv, *pip_command("show numpy").removeprefix("uv ").split())


def resolve(*options):
    """The packages that uv chooses from the index for the base install; skipped where there is none."""
    uv = Path(sys.executable).with_name("uv")
    # ONNX Runtime's wheels for macOS need its version 14.
    variables = os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0"}
    command = [uv, "pip", "compile", "pyproject.toml", "--constraint", "requirements.txt", "--python", sys.executable]
    command += ["--no-python-downloads", "--quiet", *options]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=300)
    if "error sending request" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^([a-z0-9-]+)==", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_is_given_wheels_only(platform, python):
    found = resolve("--python-platform", platform, "--python-version", python, "--only-binary", ":all:")
    small = platform.startswith("aarch64")
    assert found & {"onnxruntime", "onnxruntime-gpu"} == {"onnxruntime" if small else "onnxruntime-gpu"}


def test_small_machines_can_have_the_small_onnx_runtime():
    found = resolve("--python-platform", PLATFORMS[0], "--overrides", "onnxruntime-cpu.txt")
    assert found & {"onnxruntime", "onnxruntime-gpu"} == {"onnxruntime"}
