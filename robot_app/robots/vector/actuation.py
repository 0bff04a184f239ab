"""From actions to the robot's calls: nobody waits for them, and a stop goes ahead of all of them."""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

import grpc
from anki_vector.messaging import client, protocol

from robot_app.core.actions import Action, Animate, Drive, Say, SetHead, Stop, Turn
from robot_app.core.deadlines import ACTION_TIMEOUT_S, CANCEL_TURN_EVERY_S, LONGEST_TURN_S, WHEEL_CALL_TIMEOUT_S
from robot_app.core.vector_spec import HEAD_ACCELERATION_RAD_S2, HEAD_SPEED_RAD_S
from robot_app.robots.vector.connection import VectorConnection

logger = logging.getLogger(__name__)

TURN_TAGS = range(protocol.FIRST_SDK_TAG, protocol.FIRST_SDK_TAG + 8)
"""Turns bear these in a row, so that the guard, which is not told of a turn, can cancel it as well."""


MOST_WAITING = len(TURN_TAGS)
"""Actions that the robot has not answered yet, but for wheel speeds. Not more, as each turn needs a tag of its own."""


async def stop_wheels(stub: client.ExternalInterfaceStub, turn_tags: Sequence[int]) -> None:
    """Cancel these turns and stop the wheels. On the connection's loop.

    Raises:
        grpc.RpcError: the robot could not be told.
    """
    # Speed 0 also unlocks the wheels for the robot's own behaviour, which stopping the motors does not.
    calls = [
        stub.DriveWheels(protocol.DriveWheelsRequest(), timeout=WHEEL_CALL_TIMEOUT_S),
        stub.StopAllMotors(protocol.StopAllMotorsRequest(), timeout=WHEEL_CALL_TIMEOUT_S),
    ]
    calls += [
        stub.CancelActionByIdTag(protocol.CancelActionByIdTagRequest(id_tag=tag), timeout=WHEEL_CALL_TIMEOUT_S)
        for tag in turn_tags
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    failures = [result for result in results[:2] if isinstance(result, BaseException)]
    if len(failures) == 2:
        raise failures[0]


class ActionSender:
    """Turns actions into calls on the connection's loop. Failures are logged; none reaches the caller.

    Calls of one client may overtake each other on the way to the robot, so wheel speeds go out one at a time (newer
    ones replace those that wait), and a stop is sent at once and once more when all earlier motion has answered. At
    most `MOST_WAITING` actions are asked for at a time, so that no stop waits at the robot behind many others.
    """

    def __init__(self, connection: VectorConnection, name: str) -> None:
        self._connection = connection
        self._stub = connection.grpc_interface
        self._name = name
        self._epoch = 0  # counts stops; motion of an earlier epoch is not sent any more
        self._turn_tags = itertools.cycle(TURN_TAGS)
        self._tags = itertools.count(TURN_TAGS.stop)
        self._stops_under_way = 0
        self._may_move = asyncio.Event()
        self._may_move.set()
        self._next_drive: tuple[Drive, int] | None = None
        self._motion: dict[asyncio.Task[None], int | None] = {}  # sent and not answered, with the tag of a turn
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()  # those of actions that are answered when they are done
        self._is_crowded = False
        self._driving: asyncio.Task[None] | None = None

    def send(self, action: Action) -> None:
        """Pass on an action from any thread and return at once."""
        if isinstance(action, Stop):
            self.stop().add_done_callback(self._log_failed_stop)
        else:
            self._connection.loop.call_soon_threadsafe(self._begin, action, self._epoch)

    def stop(self) -> "Future[None]":
        """Stop the wheels from any thread; the future is done when the robot has confirmed it.

        The future raises `grpc.RpcError` when the robot cannot be told.
        """
        self._epoch += 1
        done: Future[None] = Future()
        self._connection.loop.call_soon_threadsafe(self._begin_stop, done)
        return done

    async def drop_all(self) -> None:
        """Cancel the calls that are not answered yet, before disconnecting. On the connection's loop."""
        tasks = [*self._tasks, *self._motion]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, action: Action, epoch: int) -> None:
        if not self._connection.has_control:
            logger.info("%s: control is not ours; not sent: %s", self._name, action)
            return
        if not isinstance(action, Drive) and len(self._waiting) >= MOST_WAITING:
            if not self._is_crowded:  # one line for many
                kind = type(action).__name__
                logger.warning("%s: has %d actions to do; not sent: %s", self._name, len(self._waiting), kind)
            self._is_crowded = True
            return
        self._is_crowded = False
        match action:
            case Drive():
                self._next_drive = (action, epoch)
                if self._driving is None or self._driving.done():
                    self._driving = self._spawn(self._drive())
            case Turn():
                self._wait_for(self._turn(action, epoch))
            case SetHead() | Say() | Animate():
                self._wait_for(self._report(action, self._call(action)))

    def _begin_stop(self, done: "Future[None]") -> None:
        # Before anything else runs on the loop, so that no later motion is sent ahead of the stop.
        self._stops_under_way += 1
        self._may_move.clear()
        self._spawn(self._stop()).add_done_callback(lambda task: _pass_on(task, done))

    def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._spawn(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _drive(self) -> None:
        while self._next_drive is not None:
            await self._may_move.wait()
            if self._next_drive is None:
                return
            (drive, epoch), self._next_drive = self._next_drive, None
            # An acceleration of 0 means "as fast as it can".
            request = protocol.DriveWheelsRequest(left_wheel_mmps=drive.left_mm_s, right_wheel_mmps=drive.right_mm_s)
            if self._is_allowed(epoch):
                await self._move(drive, self._stub.DriveWheels(request, timeout=WHEEL_CALL_TIMEOUT_S), None)

    async def _turn(self, turn: Turn, epoch: int) -> None:
        await self._may_move.wait()
        tag = next(self._turn_tags)
        request = protocol.TurnInPlaceRequest(angle_rad=turn.angle_rad, is_absolute=0, id_tag=tag)
        if self._is_allowed(epoch):
            started_s = time.monotonic()
            await self._move(turn, self._stub.TurnInPlace(request, timeout=LONGEST_TURN_S), tag)
            if time.monotonic() - started_s >= LONGEST_TURN_S:
                await stop_wheels(self._stub, [tag])

    def _is_allowed(self, epoch: int) -> bool:
        return epoch == self._epoch and self._connection.has_control

    async def _move(self, action: Drive | Turn, call: Awaitable[Any], tag: int | None) -> None:
        task = asyncio.create_task(self._report(action, call))
        self._motion[task] = tag
        try:
            await task
        finally:
            self._motion.pop(task, None)

    def _call(self, action: SetHead | Say | Animate) -> Awaitable[Any]:
        match action:
            case SetHead():
                request = protocol.SetHeadAngleRequest(
                    angle_rad=action.angle_rad,
                    max_speed_rad_per_sec=HEAD_SPEED_RAD_S,
                    accel_rad_per_sec2=HEAD_ACCELERATION_RAD_S2,
                    id_tag=next(self._tags),
                )
                call = self._stub.SetHeadAngle(request, timeout=ACTION_TIMEOUT_S)
            case Say():
                request = protocol.SayTextRequest(text=action.text, use_vector_voice=True, duration_scalar=1.0)
                call = self._stub.SayText(request, timeout=ACTION_TIMEOUT_S)
            case Animate():
                # An animation cannot be cancelled, so it must not drive: the body track is left out.
                trigger = protocol.AnimationTrigger(name=action.trigger)
                request = protocol.PlayAnimationTriggerRequest(
                    animation_trigger=trigger, loops=1, ignore_body_track=True
                )
                call = self._stub.PlayAnimationTrigger(request, timeout=ACTION_TIMEOUT_S)
        return call  # type: ignore[no-any-return]

    async def _stop(self) -> None:
        try:
            earlier, ends_s = dict(self._motion), time.monotonic() + WHEEL_CALL_TIMEOUT_S
            await stop_wheels(self._stub, [tag for tag in earlier.values() if tag is not None])
            # A motion that was on its way may begin after the stop, and a turn has missed its cancellation then.
            while earlier and time.monotonic() < ends_s:
                await asyncio.wait(earlier, timeout=CANCEL_TURN_EVERY_S)
                earlier = {task: tag for task, tag in earlier.items() if not task.done()}
                await stop_wheels(self._stub, [tag for tag in earlier.values() if tag is not None])
        finally:
            self._stops_under_way -= 1
            if self._stops_under_way == 0:
                self._may_move.set()

    async def _report(self, action: Action, call: Awaitable[Any]) -> None:
        try:
            response = await call
        except grpc.RpcError as error:
            logger.warning("%s: %s failed: %s %s", self._name, action, error.code(), error.details())
            return
        if response.status.code >= protocol.ResponseStatus.FORBIDDEN:
            refusal = protocol.ResponseStatus.StatusCode.Name(response.status.code)
            logger.warning("%s: %s was refused: %s", self._name, action, refusal)
        elif (
            isinstance(action, (Turn, SetHead)) and response.result.code != protocol.ActionResult.ACTION_RESULT_SUCCESS
        ):
            ending = protocol.ActionResult.ActionResultCode.Name(response.result.code)
            logger.info("%s: %s was not finished: %s", self._name, action, ending)

    def _log_failed_stop(self, future: "Future[None]") -> None:
        error = None if future.cancelled() else future.exception()
        if error is not None:
            reason = error.code().name if isinstance(error, grpc.RpcError) else repr(error)
            logger.error("%s: the stop of the wheels was not confirmed: %s", self._name, reason)


def _pass_on(task: "asyncio.Task[None]", future: "Future[None]") -> None:
    """Give the outcome of a task to a future that another thread waits for."""
    if task.cancelled():
        future.cancel()
    elif (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(None)
