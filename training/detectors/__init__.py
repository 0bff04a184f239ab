"""Trainable detectors behind one interface."""
