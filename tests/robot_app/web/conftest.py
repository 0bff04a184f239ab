import pytest

from robot_app.safety.operator_controls import OperatorControls
from tests.support.view import live_view


@pytest.fixture
def controls():
    return OperatorControls()


@pytest.fixture
def view(tmp_path, controls):
    with live_view(tmp_path, controls) as view:
        yield view
