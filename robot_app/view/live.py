"""The live page of a session: a server beside the loop, and a sink that feeds it."""

import datetime
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from robot_app.controls import Controls
from robot_app.detection import ModelCard
from robot_app.step import Step
from robot_app.view.access import Access, reachable_host
from robot_app.view.desk import Desk, Labels
from robot_app.view.hub import LogToHub
from robot_app.view.page import build_page
from robot_app.view.server import ServerThread, listen


class LiveView:
    """Serves the page while its `with` block is open. `sink` goes to the session, `controls` as well."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        labels: Labels,
        card: ModelCard,
        controls: Controls,
        folder: Path | None = None,
    ) -> None:
        """Listen at the host and port (0: a free one) of `address`.

        Files that a person asks for go to `folder`, made when needed: by default `output/view-DATE-TIME`.
        """
        folder = folder or Path("output") / f"view-{datetime.datetime.now():%Y%m%d-%H%M%S}"
        self._host, self._port = address
        self._access = Access(self._host)
        self._desk = Desk(labels, card, controls, folder)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start to serve.

        Raises:
            ConfigError: the address is taken, not allowed, or not this machine's.
        """
        listener = listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        with ExitStack() as stack:
            stops = stack.enter_context(ThreadPoolExecutor(1, "stop"))
            stack.enter_context(ServerThread(build_page(self._desk, self._access, stops), listener))
            stack.callback(self._desk.close)
            handler = LogToHub(self._desk.hub)
            log = logging.getLogger("robot_app")
            log.addHandler(handler)
            stack.callback(log.removeHandler, handler)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Where to look. Holds the token where one is needed; after the `#`, so that no server is ever sent it."""
        address = f"http://{reachable_host(self._host)}:{self._port}/"
        return address if self._access.is_open else f"{address}#token={self._access.token}"

    @property
    def sink(self) -> "ViewSink":
        """What shows the session's steps on the page."""
        return ViewSink(self._desk)


class ViewSink:
    """Shows every step; the page outlives it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._desk.close()

    def write(self, step: Step) -> None:
        """Show one step."""
        self._desk.show(step)
