"""The SDK's connection to one robot: opened with errors that tell the cause, controlled, and closed in good order."""

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any

import grpc
from anki_vector.connection import Connection
from anki_vector.exceptions import (
    VectorControlTimeoutException,
    VectorException,
    VectorInvalidVersionException,
    VectorNotFoundException,
    VectorTimeoutException,
    VectorUnauthenticatedException,
    VectorUnavailableException,
)

from robot_app.core.deadlines import CONNECTION_CLOSE_TIMEOUT_S
from robot_app.core.errors import RobotError, RobotIdentityError, RobotUnreachable
from robot_app.robots.vector.identity import HOW_TO_CREATE, VectorIdentity, check_identity

logger = logging.getLogger(__name__)


class VectorConnection(Connection):  # type: ignore[misc] # the SDK has no types
    """`anki_vector.connection.Connection` for one robot, at first without control.

    It needs no `~/.anki_vector/sdk_config.ini`, which only `anki_vector.Robot` reads. The SDK's `close` gives up at its
    first step, because the task that it cancels raises asyncio's CancelledError and not the one it expects; the
    thread, the loop and the channel then live on. Here the control stream is ended first, and everything is closed.
    """

    _thread: threading.Thread | None

    def __init__(self, identity: VectorIdentity) -> None:
        # Control is asked for once the connection stands: when it is refused during connecting, tasks are left behind.
        self.identity = identity
        super().__init__(identity.name, identity.address, "its certificate", identity.guid, behavior_control_level=None)

    def _connect(self, timeout: float) -> None:
        # The SDK opens what this names, as `open` does, and a number is an open file: the certificate that was checked
        # may be gone from the disk by now.
        self.cert_file = _readable_once(self.identity.pem_bytes)
        super()._connect(timeout)

    @property
    def has_control(self) -> bool:
        """The robot obeys us. May be asked on any thread."""
        return bool(self._control_events is not None and self._control_events.has_control)

    def submit(self, work: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run a coroutine on the connection's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def take_control(self, timeout_s: float) -> None:
        """Ask for control and wait until it is granted.

        It is asked for also when we seem to have it: the robot does not tell when another client's leaving ended it.

        Raises:
            RobotError: it is not granted within `timeout_s`.
        """
        try:
            self.request_control(timeout=timeout_s).result(timeout=timeout_s + CONNECTION_CLOSE_TIMEOUT_S)
        except (VectorControlTimeoutException, TimeoutError, CancelledError) as error:
            raise RobotError(
                f"{self.identity}: does not hand over control within {timeout_s:g} s; another program may hold it, "
                "or the robot is busy, held up or low on battery"
            ) from error

    def give_back_control(self, timeout_s: float) -> None:
        """Give control back, if we have it, and wait for the answer.

        Raises:
            RobotError: there is none within `timeout_s`.
        """
        if not self.has_control:
            return
        try:
            self.release_control(timeout=timeout_s).result(timeout=timeout_s + CONNECTION_CLOSE_TIMEOUT_S)
        except (VectorControlTimeoutException, TimeoutError, CancelledError) as error:
            raise RobotError(f"{self.identity}: has not taken control back within {timeout_s:g} s") from error

    async def _open_connections(self) -> None:
        # The robot takes control from whoever has it when the control stream of any client ends, so there is none
        # until control is asked for.
        await self._control_events.request_event.wait()
        if self._control_events.is_shutdown:
            return
        try:
            await super()._open_connections()
        except grpc.RpcError as error:
            logger.debug("control stream ended: %s", error.code())
        finally:
            self._control_events.update(False)

    def close(self) -> None:
        """Give control back, close the channel and end the thread, within a few seconds whatever the robot does."""
        thread = self._thread
        if thread is None:
            return
        with suppress(TimeoutError):
            self.submit(self._wind_down()).result(timeout=3 * CONNECTION_CLOSE_TIMEOUT_S)
        thread.join(timeout=CONNECTION_CLOSE_TIMEOUT_S)
        self._thread = None

    async def _wind_down(self) -> None:
        self._control_events.shutdown()
        if self._control_stream_task is not None:
            await asyncio.wait([self._control_stream_task], timeout=CONNECTION_CLOSE_TIMEOUT_S)
            self._control_stream_task.cancel()
        await asyncio.wait_for(self._channel.close(), CONNECTION_CLOSE_TIMEOUT_S)
        self._done_signal.set()

    def abandon(self) -> None:
        """Close what a failed attempt to connect left open. The SDK has ended its thread already."""
        if self._channel is not None:
            self._channel._channel.close()
        self._thread = None

    def give_up(self) -> None:
        """End an attempt to connect that was interrupted, and with which the SDK's thread goes on."""
        self._ready_signal.wait(CONNECTION_CLOSE_TIMEOUT_S)
        if self._thread is not None and self._ready_signal.is_set() and not hasattr(self._ready_signal, "exception"):
            self.close()
        else:
            self.abandon()


def connect(identity: VectorIdentity, timeout_s: float, *, take_control: bool = True) -> VectorConnection:
    """Connect to a robot, which camera and state need, and take control of it, if wanted, which motion needs.

    Raises:
        ConfigError: the configured certificate cannot be read.
        RobotUnreachable: nothing answers at the address.
        RobotIdentityError: something does, but not this robot, or it refuses our token.
        RobotError: the robot speaks another protocol version or does not hand over control.
    """
    quieten_sdk()
    identity = identity.loaded()
    check_identity(identity, timeout_s)
    connection = VectorConnection(identity)
    try:
        connection.connect(timeout=timeout_s)
    except (VectorException, OSError) as error:
        connection.abandon()
        raise translate_sdk_error(identity, error) from error
    except BaseException:
        connection.give_up()
        raise
    if take_control:
        try:
            connection.take_control(timeout_s)
        except BaseException:
            connection.close()
            raise
    return connection


def _readable_once(data: bytes) -> int:
    """An open file that holds this, until it is closed. No file on a disk, which may be full."""
    reader, writer = os.pipe()

    def write() -> None:
        with suppress(OSError), os.fdopen(writer, "wb") as pipe:
            pipe.write(data)

    threading.Thread(target=write, daemon=True).start()
    return reader


def quieten_sdk() -> None:
    """Keep what the SDK logs below warnings out of our log."""
    sdk = logging.getLogger("anki_vector")
    if sdk.level == logging.NOTSET:
        sdk.setLevel(logging.WARNING)
    logging.getLogger("aiogrpc.utils").addFilter(_is_no_stream_error)


def _is_no_stream_error(record: logging.LogRecord) -> bool:
    # A traceback for every stream that breaks; whoever reads the stream gets, and reports, the same error.
    return record.msg != "__anext__ grpc exception"


def translate_sdk_error(identity: VectorIdentity, error: Exception) -> RobotError:
    """The error that says what was wrong; the SDK calls most of them "not on the same network"."""
    if isinstance(error, VectorUnauthenticatedException):
        return RobotIdentityError(
            f"{identity}: refuses the token (guid) of the configuration; after a reset or a new owner it needs a new "
            f"one: {HOW_TO_CREATE}"
        )
    if isinstance(error, VectorInvalidVersionException):
        return RobotError(
            f"{identity}: the robot's software and this SDK do not fit together; update the robot, and "
            "wirepod-vector-sdk here"
        )
    if isinstance(error, (VectorNotFoundException, VectorUnavailableException, VectorTimeoutException, OSError)):
        return RobotUnreachable(
            f"{identity}: accepts connections but does not answer; restart the robot (hold its button on the charger)"
        )
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return RobotError(f"{identity}: connecting failed: {reason}")
