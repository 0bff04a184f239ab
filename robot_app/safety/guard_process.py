"""`python -m robot_app.safety.guard_process`: stops a robot's wheels when the program that drives it no longer can.

The program starts it, tells it on standard input which robot it drives and, again and again, for how long it may be
silent. When it is silent for longer, or its end of the pipe is closed, because it was killed, crashed or is frozen, the
guard asks the robot for control, stops the wheels, gives control back and writes one line to standard error.
"""

import logging
import signal
import sys
import threading
import time
from contextlib import suppress

from robot_app.core.deadlines import (
    GUARD_CONNECT_TIMEOUT_S,
    GUARD_CONTROL_TIMEOUT_S,
    GUARD_GIVE_UP_S,
    GUARD_RECHECK_S,
    GUARD_RETRY_EVERY_S,
    WHEEL_CALL_TIMEOUT_S,
)
from robot_app.core.errors import VectorDetectorError
from robot_app.robots.vector.actuation import TURN_TAGS, stop_wheels
from robot_app.robots.vector.connection import VectorConnection, connect, take_control
from robot_app.robots.vector.identity import VectorIdentity
from robot_app.safety.guard_protocol import ACTED, READY, Heartbeat


class GuardProcess:
    """Keeps a connection to the robot that the program drives, without control, and stops the robot in its place.

    No control is asked for before it is needed, because the robot gives control to whoever asked last.
    """

    def __init__(self, program: Heartbeat) -> None:
        self._program = program
        self._identity: VectorIdentity | None = None
        self._connection: VectorConnection | None = None
        self._told = 0

    def run(self) -> None:
        """Look after one robot after the other until the program has ended."""
        while not self._program.has_ended or self._program.is_overdue:
            is_waiting = self._identity is not None and self._connection is None
            identity = self._program.next_robot(GUARD_RETRY_EVERY_S if is_waiting else None)
            if identity is not None:
                self._leave()
                self._identity, self._told = identity, self._told + 1
            if self._program.is_overdue:
                self._act()
            elif self._identity is not None and self._connection is None:
                self._connect(self._identity)
        if self._connection is not None:
            self._connection.close()

    def _connect(self, identity: VectorIdentity) -> None:
        with suppress(VectorDetectorError):  # the program, which has just connected, tells the reason if it stays
            self._connection = connect(identity, GUARD_CONNECT_TIMEOUT_S, take_control=False)
            _say(f"{READY} {self._told}")

    def _act(self) -> None:
        """Stop the wheels, again and again, until it is confirmed or the program is there again."""
        started_s = time.monotonic()
        if not self._program.has_ended:
            time.sleep(GUARD_RECHECK_S)
        why = "has ended" if self._program.has_ended else "does not answer"
        while self._identity is not None and self._program.is_overdue:
            if self._stop(self._identity):
                self._give_back()
                took_s = time.monotonic() - started_s
                _complain(f"warning: {self._identity}: its program {why}; wheels stopped after {took_s:.2f} s")
                _say(ACTED)
                break
            if time.monotonic() - started_s > GUARD_GIVE_UP_S:
                _complain(f"error: {self._identity}: its program {why}, and the robot did not confirm a stop")
                break
            self._leave()
            time.sleep(GUARD_RETRY_EVERY_S)
        self._program.reset_deadline(started_s)

    def _stop(self, identity: VectorIdentity) -> bool:
        """One attempt; true when the robot has confirmed it, and we had control when it did."""
        try:
            connection = self._connection or connect(identity, GUARD_CONNECT_TIMEOUT_S, take_control=False)
            self._connection = connection
            # The robot obeys everybody while anybody has control, so this may do it at once.
            connection.submit(stop_wheels(connection.grpc_interface, ()))
            take_control(connection, identity, GUARD_CONTROL_TIMEOUT_S)
            stopping = connection.submit(stop_wheels(connection.grpc_interface, TURN_TAGS))
            stopping.result(timeout=2 * WHEEL_CALL_TIMEOUT_S)
        except Exception:  # whatever it is, another attempt is the best that can be done for the robot
            return False
        return connection.has_control

    def _give_back(self) -> None:
        """End the control stream, and with it control, before the program may have it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:  # which takes a while where nobody answers
            threading.Thread(target=connection.close, daemon=True).start()


def _say(word: str) -> None:
    with suppress(OSError):  # nobody listens any more
        sys.stdout.write(f"{word}\n")
        sys.stdout.flush()


def _complain(line: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def main() -> None:
    """Guard until standard input ends. What ends the program must not end its guard as well."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    logging.disable()
    program = Heartbeat()
    threading.Thread(target=program.listen, args=(sys.stdin.buffer,), daemon=True).start()
    GuardProcess(program).run()


if __name__ == "__main__":
    main()
