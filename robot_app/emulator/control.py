"""Who may command the emulated robot (one client at a time, the newest that asks), and what was commanded."""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anki_vector.messaging import protocol
from google.protobuf.message import Message

MOST_COMMANDS = 5000
"""More than a test looks at; an emulator that runs for days forgets the oldest."""

logger = logging.getLogger(__name__)


class Control:
    """Grants control to the client that asked last, and tells the one before that it lost it.

    A client is known by its gRPC peer, which its calls and its control stream share. As in the published sources of
    the robot's software, the end of any client's control stream ends control, whoever has it, and nothing stops wheels
    that run then; only a robot that takes control for a need of its own stops them.

    Attributes:
        on_withheld: called when the robot takes control from a client that had it.
    """

    def __init__(self) -> None:
        self.on_withheld: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._outboxes: dict[str, queue.Queue[protocol.BehaviorControlResponse | None]] = {}
        self._holder: str | None = None
        self._wants: str | None = None
        self._withheld: set[str] = set()

    def is_held_by(self, peer: str) -> bool:
        with self._lock:
            return self._holder == peer

    def converse(
        self, peer: str, requests: Iterator[protocol.BehaviorControlRequest]
    ) -> Iterator[protocol.BehaviorControlResponse]:
        """Answer one client's control stream until `leave` is called for it or its requests end."""
        outbox: queue.Queue[protocol.BehaviorControlResponse | None] = queue.Queue()
        with self._lock:
            self._outboxes[peer] = outbox
        reader = threading.Thread(target=self._read, args=(peer, requests), daemon=True, name=f"control of {peer}")
        reader.start()
        try:
            while (answer := outbox.get()) is not None:
                yield answer
        finally:
            with self._lock:
                self._outboxes.pop(peer, None)
                self._release()

    def leave(self, peer: str) -> None:
        """End the conversation with a client, if there is one."""
        with self._lock:
            self._tell(peer, None)

    def withhold(self, why: str) -> None:
        """The robot takes control itself, as when it is picked up."""
        with self._lock:
            self._withheld.add(why)
            had_control = self._holder is not None
            self._grant(None)
            if had_control:
                self.on_withheld()

    def give_back(self, why: str) -> None:
        """The reason is gone; with the last one, the robot gives control back to the client that wants it."""
        with self._lock:
            self._withheld.discard(why)
            if not self._withheld and self._holder is None:
                self._grant(self._wants)

    def _read(self, peer: str, requests: Iterator[protocol.BehaviorControlRequest]) -> None:
        try:
            for request in requests:
                with self._lock:
                    if request.WhichOneof("request_type") == "control_request":
                        self._wants = peer
                        self._grant(None if self._withheld else peer)
                    else:
                        self._release()
        except Exception as error:  # grpc raises a bare one when the client has gone
            logger.debug("%s: control stream ended: %r", peer, error)
        finally:
            self.leave(peer)

    def _release(self) -> None:
        self._wants = None
        self._grant(None)

    def _grant(self, peer: str | None) -> None:
        previous, self._holder = self._holder, peer
        if previous is not None and previous != peer:
            self._tell(previous, protocol.BehaviorControlResponse(control_lost_event=protocol.ControlLostResponse()))
        if peer is not None:
            granted = protocol.ControlGrantedResponse()
            self._tell(peer, protocol.BehaviorControlResponse(control_granted_response=granted))

    def _tell(self, peer: str, answer: protocol.BehaviorControlResponse | None) -> None:
        outbox = self._outboxes.get(peer)
        if outbox is not None:
            outbox.put(answer)


@dataclass(frozen=True, slots=True)
class Command:
    """One call that moves the robot or makes it heard.

    Attributes:
        at_s: when it arrived, on this machine's monotonic clock.
        name: of the call, such as `DriveWheels`.
        request: its message.
        obeyed: the client had control.
    """

    at_s: float
    name: str
    request: Message
    obeyed: bool


class CommandLog:
    """The newest commands in the order of their arrival. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._commands: deque[Command] = deque(maxlen=MOST_COMMANDS)

    def add(self, request: Message, obeyed: bool) -> None:
        name = type(request).__name__.removesuffix("Request")
        with self._lock:
            self._commands.append(Command(time.monotonic(), name, request, obeyed))

    @property
    def all(self) -> tuple[Command, ...]:
        """All so far, as far as they are remembered."""
        with self._lock:
            return tuple(self._commands)
