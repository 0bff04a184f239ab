"""The calls that stop a robot's wheels, whoever has set them going."""

import asyncio
from collections.abc import Sequence

from anki_vector.messaging import client, protocol

DRIVE_TIMEOUT_S = 1.0
"""The robot answers wheel speeds at once."""

TURN_TAGS = range(protocol.FIRST_SDK_TAG, protocol.FIRST_SDK_TAG + 8)
"""Turns bear these in a row, so that also who was not told of a turn can cancel it."""


async def stop_wheels(stub: client.ExternalInterfaceStub, turn_tags: Sequence[int]) -> None:
    """Cancel these turns and stop the wheels. On the connection's loop.

    Raises:
        grpc.RpcError: the robot could not be told.
    """
    calls = [
        stub.CancelActionByIdTag(protocol.CancelActionByIdTagRequest(id_tag=tag), timeout=DRIVE_TIMEOUT_S)
        for tag in turn_tags
    ]
    # Speed 0 also unlocks the wheels for the robot's own behaviour, which stopping the motors does not.
    calls.append(stub.DriveWheels(protocol.DriveWheelsRequest(), timeout=DRIVE_TIMEOUT_S))
    calls.append(stub.StopAllMotors(protocol.StopAllMotorsRequest(), timeout=DRIVE_TIMEOUT_S))
    results = await asyncio.gather(*calls, return_exceptions=True)
    failures = [result for result in results[-2:] if isinstance(result, BaseException)]
    if len(failures) == 2:
        raise failures[0]
