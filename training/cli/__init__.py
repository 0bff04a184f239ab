"""The commands of `robot-train`: each file has `add_parser` and `run`, and imports what is heavy only in `run`."""
