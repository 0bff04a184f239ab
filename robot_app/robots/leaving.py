"""A robot that nobody leaves."""

import threading
import weakref

from robot_app.robot import Robot


def leave_at_interpreter_exit(robot: Robot) -> None:
    """Stop the wheels when the interpreter ends with the `with` block still open, as in a thread that was forgotten.

    `atexit` would be too late: the interpreter first waits for the threads in which gRPC streams are read, for ever.
    """
    reference = weakref.ref(robot)

    def leave() -> None:
        robot = reference()
        if robot is not None:
            robot.__exit__(None, None, None)

    threading._register_atexit(leave)  # type: ignore[attr-defined]
