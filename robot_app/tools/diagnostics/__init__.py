"""Finds out why a robot, or this machine, does not do what it should."""
