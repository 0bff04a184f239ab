"""Everything that this software raises on purpose.

    VectorDetectorError
    ├── InputError              a file or folder that was given: missing, corrupt, empty, of the wrong kind
    ├── ModelError              a model file that is not sound, not ours, or not for this input
    ├── ConfigError             a setting that is unknown or out of range
    ├── MissingPartError        an optional package or a system library that this command needs
    └── RobotError              the robot, or the way to it
        ├── RobotUnreachable    nothing answers at that address
        ├── RobotIdentityError  something answers, but it is not the robot that was meant, or it refuses us
        ├── FrameTimeout        the camera has sent nothing new for too long
        └── RobotLost           the link was there and is gone

Every message is one line that says what was wrong, what was expected and what to do. The command line prints it
and exits with `EXIT_CODE`; nothing else catches these errors to hide them.
"""

import sys
from importlib.util import find_spec

EXIT_CODE = 2


PYTHON = f'"{sys.executable}"' if " " in sys.executable else sys.executable
"""The Python that runs this, for commands in messages: what is called `python` may know nothing of our packages."""


def pip_command(arguments: str) -> str:
    """The command line that has pip do this (`install ray`) where this software runs; environments of uv lack pip."""
    verb, _, rest = arguments.partition(" ")
    return f"{PYTHON} -m pip {arguments}" if find_spec("pip") else f"uv pip {verb} --python {PYTHON} {rest}"


class VectorDetectorError(Exception):
    """Base of all errors that a user can do something about."""


class InputError(VectorDetectorError):
    """A file or folder that was given is missing, corrupt, empty or of the wrong kind."""


class ModelError(VectorDetectorError):
    """A model file is unsound, not ours, or made for another input."""


class ConfigError(VectorDetectorError):
    """A setting is unknown or out of range."""


class MissingPartError(VectorDetectorError):
    """An optional package or a system library is not installed."""


class RobotError(VectorDetectorError):
    """The robot, or the way to it, failed."""


class RobotUnreachable(RobotError):  # noqa: N818 - reads better at the place that catches it
    """Nothing answers at the robot's address."""


class RobotIdentityError(RobotError):
    """Something answers, but its certificate, name or token is not the configured robot's."""


class FrameTimeout(RobotError):  # noqa: N818
    """The camera has sent no new frame for longer than allowed."""


class RobotLost(RobotError):  # noqa: N818
    """The link to the robot was up and has gone down."""
