"""Where runs are carried out: in processes of this machine, or on a Ray cluster. Both give futures."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

import torch

from robot_app.core.child import environment, safe_imports
from robot_app.core.errors import ConfigError, MissingPartError, pip_command

Given = ParamSpec("Given")
Result = TypeVar("Result")
THREADS_VARIABLE = "OMP_NUM_THREADS"
ANSWER_WITHIN_S = 10.0


class Executor(Protocol):
    """Runs functions elsewhere."""

    slots: int
    """How many it runs at the same time."""

    def submit(self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> "Future[Result]":
        """Begin, or queue, a call; everything given and returned is pickled."""


class LocalExecutor:
    """Processes that share the cores equally, and the GPUs in turn."""

    def __init__(self, pool: ProcessPoolExecutor, slots: int) -> None:
        self._pool = pool
        self.slots = slots

    def submit(self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> "Future[Result]":
        """Begin a call in one of the processes."""
        return self._pool.submit(function, *args, **kwargs)


@contextmanager
def local_executor(jobs: int) -> Iterator[LocalExecutor]:
    """Runs `jobs` functions at a time on this machine."""
    context = multiprocessing.get_context("spawn")
    turn = context.Value("i", 0)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with (
        safe_imports(),
        environment(THREADS_VARIABLE, str(threads)),  # read by the processes while they start
        ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin_worker, initargs=(turn,)) as pool,
    ):
        try:
            yield LocalExecutor(pool, jobs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin_worker(turn) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a synchronised integer has no public type
    """Each process of the pool uses one GPU, in turn, leaves Ctrl-C to the runs, and ends with the study.

    One that outlived a killed study would write into the folders that the repeated command continues.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # while it runs something, that handles it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with turn.get_lock():
        number = turn.value
        turn.value += 1
    if torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class RayExecutor:
    """Tasks on a Ray cluster, each with its share of a node."""

    def __init__(self, slots: int, cpus: int, gpus: int) -> None:
        self.slots = slots
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}

    def submit(self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> "Future[Result]":
        """Begin a call as a task. A task whose node is lost is begun again, and continues where it was."""
        import ray

        task = ray.remote(function).options(**self._resources, max_retries=2)
        future: Future[Result] = Future()
        task.remote(*args, **kwargs).future().add_done_callback(lambda done: _pass_on(done, future))
        return future


def _pass_on(done: "Future[Result]", future: "Future[Result]") -> None:
    """What a task raised as it was raised there; Ray's own errors carry whole tracebacks in their message."""
    from ray.exceptions import RayError, RayTaskError

    error = done.exception()
    if error is None:
        future.set_result(done.result())
    elif isinstance(error, RayTaskError):
        future.set_exception(error.cause)
    elif isinstance(error, RayError):
        reason = str(error).strip().splitlines()[0]
        future.set_exception(ConfigError(f"the Ray cluster lost a run ({reason}); the same command continues"))
    else:
        future.set_exception(error)


@contextmanager
def ray_executor(address: str, cpus: int) -> Iterator[RayExecutor]:
    """Hands runs to the Ray cluster at `address`, with `cpus` cores for each, and a GPU where there are some.

    Raises:
        MissingPartError: Ray is not installed.
        ConfigError: no cluster answers there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingPartError(f"--ray needs Ray, here and on all nodes; here: {pip_command('install ray')}") from error

    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"--ray {address}: no Ray cluster answers there ({str(error).splitlines()[0]}); "
            f"start one with `ray start --head`, or leave --ray out to run on this machine"
        ) from error
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        all_cpus = int(resources.get("CPU", 1))
        # More than a node has would wait for ever, and more than a GPU's share would leave GPUs idle.
        nodes = ray.nodes()  # type: ignore[no-untyped-call]
        largest = max((int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]), default=1)
        cpus = max(1, min(cpus, largest, all_cpus // max(1, gpus)))
        slots = gpus or max(1, all_cpus // cpus)
        yield RayExecutor(slots, cpus, 1 if gpus else 0)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself asks a dead address again and again, for minutes.

    Raises:
        OSError: nothing listens at an address of the form HOST:PORT or ray://HOST:PORT.
    """
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if separator and port.isdigit():
        socket.create_connection((host, int(port)), timeout=ANSWER_WITHIN_S).close()
