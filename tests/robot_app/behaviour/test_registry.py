import re
import sys
from dataclasses import replace

import pytest

from robot_app.behaviour import Decision
from robot_app.behaviour.registry import BEHAVIOUR_NAMES, BehaviourSettings, choose_behaviour
from robot_app.core.actions import Say
from robot_app.core.errors import ConfigError
from robot_app.core.tracks import Track
from robot_app.runtime.settings import Settings

NEAR = Track(1, (0, 0, 9, 9), 0.9, 0, 0.0, 150.0, 0, 1, 0)


def choose(name):
    return choose_behaviour(replace(Settings(), behaviour=BehaviourSettings(name)))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a module into the current folder, under a name of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = []

    def write(text):
        name = f"own_behaviour_{tmp_path.name}_{len(names)}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", BEHAVIOUR_NAMES)
def test_ours_are_found_by_name(name):
    decision = choose(name)(None, (), 1.0)
    assert isinstance(decision, Decision)
    assert decision.actions == ()


def test_one_of_your_own_is_a_function_in_the_current_folder(write):
    name = write(
        """
from robot_app.core.actions import Say
from robot_app.behaviour import Decision

def shy(state, tracks, now_s):
    seen = (state or 0) + len(tracks)
    return Decision(seen, actions=(Say("Oh!"),) if any(t.distance_mm < 200 for t in tracks) else ())
"""
    )
    behaviour = choose(f"{name}:shy")
    assert behaviour(None, (NEAR,), 0.0) == Decision(1, (), (Say("Oh!"),))
    assert behaviour(1, (), 0.1) == Decision(1)


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        ("", "shy", '"shy" is not in it'),
        ("shy = 3", "shy", '"shy" is not a function'),
        ("def shy(tracks): ...", "shy", "cannot be called"),
        ("def shy(a, b, c, d): ...", "shy", "cannot be called"),
        ("def shy(:", "shy", "importing NAME failed: invalid syntax"),
        ("1 / 0", "shy", "importing NAME failed: ZeroDivisionError: division by zero"),
        ("import no_such_package", "shy", 'no module "no_such_package"'),
    ],
)
def test_what_is_wrong_with_it_is_one_clear_line(write, text, function, message):
    name = write(text)
    with pytest.raises(ConfigError) as caught:
        choose(f"{name}:{function}")
    assert re.escape(message.replace("NAME", name)).replace("\\", "") in str(caught.value)
    assert str(caught.value).startswith(f'behaviour "{name}:{function}": ')
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "returned NoneType; expected a robot_app.behaviour.Decision"),
        ("return tracks[0]", "failed: IndexError: tuple index out of range"),
    ],
)
def test_a_fault_in_it_is_told_when_it_happens(write, body, message):
    name = write(f"def shy(state, tracks, now_s):\n    {body}\n")
    with pytest.raises(ConfigError) as caught:
        choose(f"{name}:shy")(None, (), 0.0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_module_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match='no module "no_such_module"'):
        choose("no_such_module:f")


def test_an_unknown_name():
    with pytest.raises(ConfigError, match='no behaviour "folow"; did you mean "follow"'):
        choose("folow")
    with pytest.raises(ConfigError, match="expected one of: watch, greet, follow, hide, announce \\(or a function"):
        choose("zzz")


def test_a_file_beside_it_does_not_take_the_place_of_a_module_that_others_mean(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    (tmp_path / "colorsys.py").write_text("raise RuntimeError('a stranger was run')\n", encoding="utf-8")
    mine = "import colorsys\n\n\ndef act(state, tracks, now_s):\n    return colorsys.rgb_to_hls(0, 0, 0)\n"
    (tmp_path / "mine_too.py").write_text(mine, encoding="utf-8")
    assert choose_behaviour(Settings(behaviour=BehaviourSettings("mine_too:act")))
