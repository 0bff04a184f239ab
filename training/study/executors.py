"""Where runs are carried out: in processes of this machine, or on a Ray cluster. Both give futures."""

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

import torch

from robot_app.errors import ConfigError

Given = ParamSpec("Given")
Result = TypeVar("Result")

THREADS_VARIABLE = "OMP_NUM_THREADS"


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
    before = os.environ.get(THREADS_VARIABLE)
    os.environ[THREADS_VARIABLE] = str(threads)  # read by the processes while they start
    try:
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_take_gpu, initargs=(turn,)) as pool:
            try:
                yield LocalExecutor(pool, jobs)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        if before is None:
            del os.environ[THREADS_VARIABLE]
        else:
            os.environ[THREADS_VARIABLE] = before


def _take_gpu(turn) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a synchronised integer has no public type
    """Each process of the pool uses one GPU, in turn."""
    with turn.get_lock():
        number = turn.value
        turn.value += 1
    if torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())


class RayExecutor:
    """Tasks on a Ray cluster, each with its share of a node."""

    def __init__(self, slots: int, cpus: int, gpus: int) -> None:
        self.slots = slots
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}

    def submit(self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> "Future[Result]":
        """Begin a call as a task. A task whose node is lost is begun again, and continues where it was."""
        import ray  # noqa: PLC0415 - an extra

        task = ray.remote(function).options(**self._resources, max_retries=2)
        future: Future[Result] = task.remote(*args, **kwargs).future()
        return future


@contextmanager
def ray_executor(address: str, cpus: int) -> Iterator[RayExecutor]:
    """Hands runs to the Ray cluster at `address`, with `cpus` cores for each, and a GPU where there are some.

    Raises:
        ConfigError: no cluster answers there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    import ray  # noqa: PLC0415 - an extra

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"--ray {address}: no Ray cluster answers there ({str(error).splitlines()[0]}); "
            f"start one with `ray start --head`, or leave --ray out to run on this machine"
        ) from error
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        slots = gpus or max(1, int(resources.get("CPU", 1)) // cpus)
        yield RayExecutor(slots, cpus, 1 if gpus else 0)
    finally:
        ray.shutdown()
