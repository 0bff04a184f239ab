import signal
from pathlib import Path

import pytest

from tests.support.vision import save_vision_model

pytest.register_assert_rewrite("robot_app.tools.contracts")

# In the background, and under nohup, signals are ignored, and programs that tests start and signal would inherit that.
for name in ("SIGINT", "SIGHUP"):
    if (number := getattr(signal, name, None)) and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden decisions and docs/settings.md anew")
    parser.addoption("--fault-table", metavar="MD", type=Path, help="write what the faults did to this file")
    parser.addoption("--install-with", metavar="PYTHON", help="install the wheel and all it needs with this Python")


@pytest.fixture(scope="session")
def vision_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that sees the cyan and the red box of `tests.support.vision.paint_scene`."""
    return save_vision_model(tmp_path_factory.mktemp("models") / "vision.onnx")
