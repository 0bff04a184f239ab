"""The network between the emulated robot and its clients: passes bytes on, or does not."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

CHUNK_BYTES = 64 * 1024
LEAST_TORN_BYTES = 200
"""A piece of at least this size is taken for one of an image."""


class FaultProxy:
    """Listens where clients expect the robot and passes what they send on to the robot's real port, and back.

    Runs in a thread of its own. Clients see a real network: TLS is not looked into.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen at `host:port` (port 0: a free one).

        Raises:
            OSError: that is taken or not allowed.
        """
        self._socket = socket.create_server((host, port), backlog=16)
        self.port: int = self._socket.getsockname()[1]
        self._target_port: int | None = None
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._up.set()
        self._down.set()
        self._is_cut = self._tears = False
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="emulated link")
        self._thread.start()

    def lead_to(self, port: int | None) -> None:
        """Lead to this port of this machine from now on; `None`: nobody is there, and who is connected is cut off."""
        self._target_port = port
        if port is None:
            self._call(self._abort_all)

    def stall(self) -> None:
        """Hold back everything, in both directions, until `resume`."""
        self._call(self._up.clear)
        self._call(self._down.clear)

    def stall_mid_frame(self) -> None:
        """Let through one half of the next image, and then nothing more from the robot until `resume`."""
        self._tears = True

    def resume(self) -> None:
        """Deliver what was held back, and all that follows."""
        self._tears = False
        self._call(self._up.set)
        self._call(self._down.set)

    def cut(self) -> None:
        """Cut all connections, and new ones at once."""
        self._is_cut = True
        self._call(self._abort_all)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self._call(self._closing.set)
        self._thread.join(timeout=2)

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # closed already
            self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, sock=self._socket)
        await self._closing.wait()
        server.close()
        self._abort_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._is_cut or self._target_port is None:
            writer.transport.abort()
            return
        try:
            robot_reader, robot_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        both = (writer, robot_writer)
        self._writers.update(both)
        try:
            # When one side ends, the other is of no use any more.
            pumps = [
                asyncio.ensure_future(self._pump(reader, robot_writer, self._up)),
                asyncio.ensure_future(self._pump(robot_reader, writer, self._down)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._writers.difference_update(both)
            for each in both:
                each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._tears and flows is self._down and len(data) >= LEAST_TORN_BYTES:
                    self._tears = False
                    half = len(data) // 2
                    writer.write(data[:half])
                    data = data[half:]
                    flows.clear()
                await flows.wait()
                writer.write(data)
                await writer.drain()

    def _abort_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
