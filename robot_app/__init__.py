"""Detects another Vector in Vector's camera and reacts to it. Runs beside the robot; needs no torch."""
