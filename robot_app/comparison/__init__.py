"""Two models over the same footage, and what differs."""

from robot_app.comparison.figures import Comparing, Comparison
from robot_app.comparison.session import run_comparison
from robot_app.comparison.steps import ComparedStep, compare, describe_difference
from robot_app.comparison.video import SideBySideVideo

__all__ = [
    "ComparedStep",
    "Comparing",
    "Comparison",
    "SideBySideVideo",
    "compare",
    "describe_difference",
    "run_comparison",
]
