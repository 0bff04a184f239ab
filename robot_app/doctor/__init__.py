"""Finds out why a robot, or this machine, does not do what it should."""

from robot_app.doctor.examination import CHECKS, examine
from robot_app.doctor.findings import Finding, Status

__all__ = ["CHECKS", "Finding", "Status", "examine"]
