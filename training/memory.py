"""Turns running out of memory into advice."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from robot_app.errors import ConfigError
from training.settings import Settings

_SIGNS = ("out of memory", "can't allocate memory", "is killed by signal: Killed", "unable to allocate")


@contextmanager
def memory_advice(settings: Settings) -> Iterator[None]:
    """Raises ConfigError, with what to do, where memory runs out: the GPU's, the machine's or a loader's."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        named = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not named and not any(sign in str(error).lower() for sign in map(str.lower, _SIGNS)):
            raise
        smaller = max(1, settings.batch_size // 2)
        raise ConfigError(
            f"out of memory with --batch-size {settings.batch_size} and --reduction {settings.reduction}; train again "
            f"with --batch-size {smaller}, with a higher --reduction, or with a smaller --architecture, into another "
            f"--output"
        ) from error
