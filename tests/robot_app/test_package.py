import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import robot_app
from robot_app.core.files import DEMO_RECORDING
from tests.support.footage import save_visit


def test_detecting_leaves_nothing_in_the_users_home(tmp_path, vision_model):
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys, pathlib; from robot_app.perception.detector import Detector; "
        "Detector.load(pathlib.Path(sys.argv[1]))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code, str(vision_model)]
    subprocess.run(command, env=environment | {"HOME": str(home)}, check=True, timeout=60)
    assert list(home.iterdir()) == []


def test_the_edge_imports_neither_torch_nor_training():
    code = (
        "import sys; import robot_app.cli.main, robot_app.perception.detector, robot_app.runtime.session, "
        "robot_app.emulator.server, robot_app.robots.vector.driver, robot_app.simulation.live_renderer; "
        "print([m for m in ('torch', 'torchvision', 'training') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def run_without(module, error, command=("replay", "walk.mcap")):
    """A command, by default `robot-app replay`, where importing this module fails so."""
    code = (
        "import sys\n"
        "class Missing:\n"
        f"    def find_spec(self, name, *_):\n        if name == {module!r}:\n            raise {error}\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from robot_app.cli.main import main\n"
        f"sys.exit(main({list(command)!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def test_a_missing_system_library_is_named_in_one_line():
    done = run_without("cv2", "ImportError('libGL.so.1: cannot open shared object file: No such file or directory')")
    assert done.returncode == 2
    assert done.stderr == (
        "error: a system library is missing (libGL.so.1: cannot open shared object file: No such file or directory); "
        "on Debian or Ubuntu: apt install libgl1 libglib2.0-0\n"
    )


def test_a_missing_package_is_named_in_one_line():
    done = run_without("mcap", "ModuleNotFoundError('No module named mcap', name='mcap')")
    assert (done.returncode, done.stderr) == (2, "error: the package mcap is missing; install this software again\n")


def test_help_needs_none_of_the_heavy_parts():
    code = (
        "import sys; from robot_app.cli.main import build_parser; build_parser(); "
        "print([m for m in ('cv2', 'onnxruntime', 'grpc', 'numpy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_page_is_imported_only_when_it_is_asked_for():
    code = (
        f"import sys; from robot_app.cli.main import main; main(['replay', {str(DEMO_RECORDING)!r}, '--to', '0.5']); "
        "print([m for m in ('robot_app.web', 'starlette', 'fastapi', 'uvicorn', 'websockets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "frames " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_front_door_loads_a_part_when_it_is_used():
    code = (
        "import sys, robot_app; heavy = ('cv2', 'numpy', 'onnxruntime', 'grpc', 'pydantic')\n"
        "print([m for m in heavy if m in sys.modules], 'Detector' in dir(robot_app))\n"
        "robot_app.Say; print([m for m in heavy if m in sys.modules])\n"
        "robot_app.Frame; print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["[] True", "[]", "['cv2', 'numpy']"]


def test_every_name_of_the_front_door_is_there_and_told():
    for name in robot_app.__all__:
        thing = getattr(robot_app, name)
        assert getattr(thing, "__name__", name) == name
        assert f"`{name}`" in robot_app.__doc__
    with pytest.raises(AttributeError, match="no attribute 'Detecter'"):
        _ = robot_app.Detecter


def test_type_checkers_see_the_same_names_as_programs():
    tree = ast.parse(Path(robot_app.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    typed = {(node.module, alias.name) for node in imports for alias in node.names}
    for module, name in typed:
        assert getattr(robot_app, name) is getattr(importlib.import_module(module), name)
    assert sorted(name for _, name in typed) == sorted(robot_app.__all__)


def test_a_program_of_ones_own_sees_and_follows_with_what_the_front_door_hands_out(vision_model, tmp_path):
    detector = robot_app.Detector.load(vision_model)
    tracker = robot_app.Tracker.for_model(detector.card)
    ids = []
    for step in robot_app.read_footage(save_visit(tmp_path / "visit.mcap")):
        image = step.frame.image()
        found = detector(image)
        tracks = tracker.update(found, robot_app.Viewpoint.of(step.frame, image.shape[:2], step.state)).tracks
        ids.append([track.id for track in tracks if track.missed_frames == 0])
    assert ids == [[1]] * 15 + [[]] * 20


def test_behaviours_and_default_settings_need_neither_pictures_nor_pydantic():
    code = (
        "import sys, robot_app.behaviour; from robot_app.behaviour.registry import BehaviourSections; "
        "BehaviourSections(); print([m for m in ('cv2', 'numpy', 'onnxruntime', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
