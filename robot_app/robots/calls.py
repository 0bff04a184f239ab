"""What a robot is asked for now and then, and its answer waited for."""

from concurrent.futures import CancelledError
from typing import Literal

import grpc
from anki_vector.exceptions import VectorControlTimeoutException
from anki_vector.messaging import protocol

from robot_app.errors import RobotError
from robot_app.robot import Battery
from robot_app.robots.connection import CLOSE_TIMEOUT_S, VectorConnection
from robot_app.robots.identity import VectorIdentity

BATTERY_LEVELS: dict[int, Literal["low", "nominal", "full"]] = {
    protocol.BATTERY_LEVEL_LOW: "low",
    protocol.BATTERY_LEVEL_NOMINAL: "nominal",
    protocol.BATTERY_LEVEL_FULL: "full",
}


def take_control(connection: VectorConnection, identity: VectorIdentity, timeout_s: float) -> None:
    """Ask for control and wait until it is granted.

    Raises:
        RobotError: it is not within `timeout_s`.
    """
    if connection.has_control:
        return
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


def read_battery(connection: VectorConnection, identity: VectorIdentity, timeout_s: float) -> Battery:
    """Ask for the battery's state.

    Raises:
        RobotError: no answer within `timeout_s`.
    """
    work = _ask_battery(connection, timeout_s)
    try:
        answer = connection.submit(work).result(timeout=timeout_s + CLOSE_TIMEOUT_S)
    except (grpc.RpcError, TimeoutError, CancelledError) as error:
        raise RobotError(f"{identity}: does not tell the state of its battery") from error
    return Battery(
        BATTERY_LEVELS.get(answer.battery_level, "unknown"), float(answer.battery_volts), bool(answer.is_charging)
    )


async def _ask_battery(connection: VectorConnection, timeout_s: float) -> protocol.BatteryStateResponse:
    return await connection.grpc_interface.BatteryState(protocol.BatteryStateRequest(), timeout=timeout_s)
