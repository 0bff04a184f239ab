"""Every deadline between a hazard and standing wheels."""

LONGEST_TURN_S = 5.0
"""A turn has ended by itself after this time; a drive goes on until it is stopped."""
