"""What a study may rely on, wherever its runs are carried out: one contract, put to every executor.

To put another executor to this test, subclass `ExecutorContract` and override `make`.
"""

import importlib.util
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from robot_app.core.errors import ConfigError
from training.study.executors import THREADS_VARIABLE, Executor, local_executor, ray_executor

WITHIN_S = 120.0
"""For a process to begin on a busy machine: it loads PyTorch."""


def describe(number: int, *, unit: str) -> tuple[str, int]:
    return f"{number} {unit}", os.getpid()


def refuse(path: Path) -> None:
    raise ConfigError(f"{path}: is refused")


def meet(own: Path, other: Path) -> bool:
    """Whether the other call is running at the same time."""
    own.touch()
    return wait_for(other)


def leave_a_mark(path: Path, until: Path) -> None:
    path.touch()
    wait_for(until)


def wait_for(path: Path) -> bool:
    deadline = time.monotonic() + WITHIN_S
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return path.exists()


def leave_after_an_error(executor: AbstractContextManager[Executor], submit: Callable[[Executor], None]) -> None:
    with executor as running:
        submit(running)
        raise ConfigError("the block ends")


class ExecutorContract(ABC):
    """For implementations of `training.study.executors.Executor`."""

    @abstractmethod
    def make(self, jobs: int) -> AbstractContextManager[Executor]:
        """An executor of at most `jobs` calls at a time; leaving the block ends what it began."""

    @pytest.fixture(scope="class")
    @classmethod
    def executor(cls) -> Iterator[Executor]:
        with cls().make(jobs=2) as executor:
            yield executor

    def test_calls_give_futures_and_run_in_other_processes(self, executor: Executor) -> None:
        futures = [executor.submit(describe, number, unit="frames") for number in range(5)]
        results = [future.result(WITHIN_S) for future in futures]
        assert [text for text, _ in results] == [f"{number} frames" for number in range(5)]
        assert os.getpid() not in {process for _, process in results}

    def test_as_many_run_at_the_same_time_as_it_has_slots(self, executor: Executor, tmp_path: Path) -> None:
        assert executor.slots == 2
        one, other = tmp_path / "one", tmp_path / "other"
        futures = [executor.submit(meet, one, other), executor.submit(meet, other, one)]
        assert [future.result(WITHIN_S) for future in futures] == [True, True]

    def test_an_error_comes_back_as_it_was_raised_and_the_next_call_works(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        failed: Future[None] = executor.submit(refuse, tmp_path)
        error = failed.exception(WITHIN_S)
        assert type(error) is ConfigError
        assert str(error) == f"{tmp_path}: is refused"
        assert executor.submit(describe, 1, unit="frame").result(WITHIN_S)[0] == "1 frame"

    def test_completed_calls_can_be_waited_for_one_by_one(self, executor: Executor, tmp_path: Path) -> None:
        """As `concurrent.futures.wait` does it, which the study's runner uses."""
        goal = tmp_path / "goal"
        slow = executor.submit(meet, tmp_path / "slow", goal)
        quick = executor.submit(describe, 1, unit="frame")
        done = wait([slow, quick], WITHIN_S, return_when="FIRST_COMPLETED").done
        assert done == {quick}
        goal.touch()
        assert slow.result(WITHIN_S)


class TestLocalProcesses(ExecutorContract):
    def make(self, jobs: int) -> AbstractContextManager[Executor]:
        return local_executor(jobs)

    def test_after_an_error_in_the_block_nothing_that_waits_is_begun(self, tmp_path: Path) -> None:
        goal = tmp_path / "goal"

        def submit(executor: Executor) -> None:
            executor.submit(leave_a_mark, tmp_path / "first", goal)
            assert wait_for(tmp_path / "first")
            for number in range(4):
                executor.submit(leave_a_mark, tmp_path / f"waiting {number}", goal)
            goal.touch()

        with pytest.raises(ConfigError, match="the block ends"):
            leave_after_an_error(self.make(jobs=1), submit)
        # Some may have been handed to the process already, which takes one in advance.
        assert len(list(tmp_path.glob("waiting *"))) < 4

    def test_the_cores_are_shared_and_the_own_process_keeps_its_setting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(THREADS_VARIABLE, "7")
        with self.make(jobs=1) as executor:
            threads = executor.submit(os.getenv, THREADS_VARIABLE).result(WITHIN_S)
        assert threads == str(os.cpu_count())
        assert os.environ[THREADS_VARIABLE] == "7"


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
class TestRay(ExecutorContract):
    @contextmanager
    def make(self, jobs: int) -> Iterator[Executor]:
        # A cluster of its own on this machine; each call takes its share of the cores.
        with ray_executor("local", max(1, (os.cpu_count() or 1) // jobs)) as executor:
            if executor.slots != jobs:
                pytest.skip(f"this machine's cores make {executor.slots} slots")
            yield executor
