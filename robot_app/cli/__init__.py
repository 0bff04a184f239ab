"""The commands of `robot-app`: one module each, with `add_parser(commands)` and `run(args)`."""
