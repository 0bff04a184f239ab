"""Recordings: MCAP files of steps that Foxglove opens and that replay exactly."""
