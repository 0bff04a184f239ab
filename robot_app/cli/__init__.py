"""The commands of `robot-app`: one module each, with a function `command(args)`."""
