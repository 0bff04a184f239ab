"""`python -m robot_app.safety.guard_process`: stops a robot's wheels when the program that drives it no longer can.

The program starts it, and writes to its standard input which robot it drives and its heartbeat. When that is overdue,
or the pipe is closed, because the program was killed, crashed or is frozen, the guard takes control of the robot, stops
the wheels, gives control back and writes one line to standard error.
"""

import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, wait
from contextlib import suppress

from robot_app.core.deadlines import (
    GUARD_CONNECT_TIMEOUT_S,
    GUARD_CONTROL_TIMEOUT_S,
    GUARD_GIVE_UP_S,
    GUARD_RECHECK_S,
    GUARD_RETRY_EVERY_S,
    GUARD_SIGN_EVERY_S,
    WHEEL_CALL_TIMEOUT_S,
)
from robot_app.core.errors import VectorDetectorError
from robot_app.robots.vector.actuation import TURN_TAGS, stop_wheels
from robot_app.robots.vector.connection import VectorConnection, connect
from robot_app.robots.vector.identity import VectorIdentity
from robot_app.safety.guard_protocol import ACTED, ALIVE, LEFT, READY, Heartbeat


class GuardProcess:
    """Keeps a connection to the robot that the program drives, without control, and stops the robot in its place.

    No control is asked for before it is needed, because the robot gives control to whoever asked last.
    """

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self._identity: VectorIdentity | None = None
        self._connection: VectorConnection | None = None
        self._robots_told = 0

    def run(self) -> None:
        """Look after one robot after the other until the program has ended."""
        while not self._heartbeat.has_ended or self._heartbeat.is_overdue:
            is_waiting = self._identity is not None and self._connection is None
            self._take_robot(GUARD_RETRY_EVERY_S if is_waiting else None)
            if self._heartbeat.is_overdue:
                self._act()
            elif self._identity is not None and self._connection is None:
                self._connect(self._identity)
        if self._connection is not None:
            self._connection.close()

    def _take_robot(self, timeout_s: float | None) -> None:
        identity = self._heartbeat.next_robot(timeout_s)
        if identity is not None:
            self._leave()
            self._identity, self._robots_told = identity, self._robots_told + 1

    def _connect(self, identity: VectorIdentity) -> None:
        with suppress(VectorDetectorError):  # the program, which has just connected, tells the reason if it stays
            self._connection = connect(identity, GUARD_CONNECT_TIMEOUT_S, take_control=False)
            _tell(f"{READY} {self._robots_told}")

    def _act(self) -> None:
        """Stop the wheels, again and again, until it is confirmed or the program has done it itself."""
        started_s = time.monotonic()
        if not self._heartbeat.has_ended and self._heartbeat.late_s > GUARD_RECHECK_S:
            time.sleep(GUARD_RECHECK_S)
        why, leaving, has_stopped = self._heartbeat.reason, None, False
        while self._heartbeat.is_overdue:
            tried_at_s = time.monotonic()
            is_hopeless = self._heartbeat.has_ended and tried_at_s - started_s > GUARD_GIVE_UP_S
            if self._identity is None or is_hopeless:
                _log(f"error: {self._identity}: its program {why}, and the robot did not confirm a stop")
                self._heartbeat.close_deadlines(tried_at_s)
            elif has_stopped := self._stop(self._identity):
                leaving = self._leave()
                took_s = time.monotonic() - started_s
                _log(f"warning: {self._identity}: its program {why}; wheels stopped after {took_s:.2f} s")
                self._heartbeat.close_deadlines(tried_at_s)
            else:
                leaving = self._leave()
                time.sleep(GUARD_RETRY_EVERY_S)
                self._take_robot(0.0)  # one that the program has reached meanwhile
        if leaving is not None:
            leaving.join()  # control ends with the control stream, before the program may have it again
            _tell(ACTED if has_stopped else LEFT)

    def _stop(self, identity: VectorIdentity) -> bool:
        """One attempt; true when the robot has confirmed it, and we had control when it did."""
        try:
            connection = self._connection or connect(identity, GUARD_CONNECT_TIMEOUT_S, take_control=False)
            self._connection = connection
            # The robot obeys everybody while anybody has control, so the first stop may do it at once. Where it fails,
            # the connection is broken, and nothing else need be waited for.
            telling = connection.submit(stop_wheels(connection.grpc_interface, ()))
            asking = connection.request_control(timeout=GUARD_CONTROL_TIMEOUT_S)
            wait((telling, asking), 2 * GUARD_CONTROL_TIMEOUT_S, FIRST_EXCEPTION)
            telling.result(0)
            asking.result(0)
            stopping = connection.submit(stop_wheels(connection.grpc_interface, TURN_TAGS))
            stopping.result(timeout=2 * WHEEL_CALL_TIMEOUT_S)
        except Exception:  # whatever it is, another attempt is the best that can be done for the robot
            return False
        return connection.has_control

    def _leave(self) -> threading.Thread:
        """Close the connection in a thread, as it takes a while where nobody answers."""
        connection, self._connection = self._connection, None
        closing = threading.Thread(target=connection.close if connection else None, daemon=True)
        closing.start()
        return closing


def _tell(line: str) -> None:
    """Tell the program. In one piece, as two threads do it."""
    with suppress(OSError):  # nobody reads any more
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


def _log(line: str) -> None:
    if sys.stderr is None:  # Windows, without a console
        return
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _show_life() -> None:
    while True:
        _tell(ALIVE)
        time.sleep(GUARD_SIGN_EVERY_S)


def main() -> None:
    """Guard until standard input ends. What ends the program must not end its guard as well."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    logging.disable()
    heartbeat = Heartbeat()
    threading.Thread(target=heartbeat.listen, args=(sys.stdin.buffer,), daemon=True).start()
    threading.Thread(target=_show_life, daemon=True).start()
    GuardProcess(heartbeat).run()


if __name__ == "__main__":
    main()
