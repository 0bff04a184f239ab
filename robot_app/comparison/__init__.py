"""Two models, or two behaviours, over the same footage, and what differs."""

from robot_app.comparison.decisions import ComparingDecisions, DecisionComparison
from robot_app.comparison.figures import Comparing, Comparison
from robot_app.comparison.session import compare_behaviours, compare_models
from robot_app.comparison.sides import Side, two_behaviours, two_models
from robot_app.comparison.steps import ComparedStep, compare, describe_difference
from robot_app.comparison.video import SideBySideVideo

__all__ = [
    "ComparedStep",
    "Comparing",
    "ComparingDecisions",
    "Comparison",
    "DecisionComparison",
    "Side",
    "SideBySideVideo",
    "compare",
    "compare_behaviours",
    "compare_models",
    "describe_difference",
    "two_behaviours",
    "two_models",
]
