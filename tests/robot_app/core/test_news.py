from dataclasses import replace

from robot_app.core.actions import Drive, Say, SetHead, Stop
from robot_app.core.robot import Supervision
from robot_app.core.text import NotableActions
from tests.support.steps import small_step


def news(*moments):
    """What is news of each of these (actions, whether a person holds the robot)."""
    picked = NotableActions()
    steps = [replace(small_step(1), actions=actions, supervision=Supervision(held=held)) for actions, held in moments]
    return [picked.select(step) for step in steps]


def test_of_a_drive_only_the_beginning_is_news():
    drives = [(Drive(i, i),) for i in range(4)]
    moments = [drives[0], (Drive(9, 9), Say("hm")), drives[2], (Stop(),), (), drives[3]]
    assert news(*((actions, False) for actions in moments)) == [drives[0], (Say("hm"),), (), (Stop(),), (), drives[3]]


def test_that_a_held_robot_is_stopped_is_no_news():
    moments = [((Drive(1, 1),), False), ((Stop(),), True), ((Stop(),), True), ((Drive(1, 1), SetHead(0.1)), False)]
    assert news(*moments) == [(Drive(1, 1),), (), (), (Drive(1, 1), SetHead(0.1))]
