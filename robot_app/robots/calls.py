"""Control asked for and given back, and the robot's answer waited for."""

from concurrent.futures import CancelledError

from anki_vector.exceptions import VectorControlTimeoutException

from robot_app.errors import RobotError
from robot_app.robots.connection import CLOSE_TIMEOUT_S, VectorConnection
from robot_app.robots.identity import VectorIdentity


def take_control(connection: VectorConnection, identity: VectorIdentity, timeout_s: float) -> None:
    """Ask for control and wait until it is granted.

    It is asked for also when we seem to have it: the robot does not tell when another client's leaving has ended it.

    Raises:
        RobotError: it is not within `timeout_s`.
    """
    try:
        connection.request_control(timeout=timeout_s).result(timeout=timeout_s + CLOSE_TIMEOUT_S)
    except (VectorControlTimeoutException, TimeoutError, CancelledError) as error:
        raise RobotError(f"{identity}: does not hand over control within {timeout_s:g} s") from error


def release_control(connection: VectorConnection, identity: VectorIdentity, timeout_s: float) -> None:
    """Give control back and wait for the robot's word.

    Raises:
        RobotError: it has none for `timeout_s`.
    """
    if not connection.has_control:
        return
    try:
        connection.release_control(timeout=timeout_s).result(timeout=timeout_s + CLOSE_TIMEOUT_S)
    except (VectorControlTimeoutException, TimeoutError, CancelledError) as error:
        raise RobotError(f"{identity}: has not taken control back within {timeout_s:g} s") from error
