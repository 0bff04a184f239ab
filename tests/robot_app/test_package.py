import os
import subprocess
import sys


def test_detecting_leaves_nothing_in_the_users_home(tmp_path, vision_model):
    home = tmp_path / "home"
    home.mkdir()
    code = "import sys, pathlib; from robot_app.detection import Detector; Detector.load(pathlib.Path(sys.argv[1]))"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code, str(vision_model)]
    subprocess.run(command, env=environment | {"HOME": str(home)}, check=True, timeout=60)
    assert list(home.iterdir()) == []


def test_the_edge_imports_neither_torch_nor_training():
    code = (
        "import sys; import robot_app.cli, robot_app.detection, robot_app.session, robot_app.emulator, "
        "robot_app.robots.vector, robot_app.simulation.renderer; "
        "print([m for m in ('torch', 'torchvision', 'training') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
