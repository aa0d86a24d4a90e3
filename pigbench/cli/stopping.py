"""How long work ends early: by Ctrl-C, or by the SIGTERM that job queues and containers send."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM came, and is treated as Ctrl-C is."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Work that can be stopped and gone on with: its workers are ended, a line says so, exit 130 or 143.

    The exit codes are 128 + the signal's number, as a shell's are.
    """
    with _terminated():
        try:
            yield
        except KeyboardInterrupt as stopped:
            print("\npigbench: stopped. Nothing is lost: run the same command again to go on.", file=sys.stderr)
            number = signal.SIGTERM if isinstance(stopped, Terminated) else signal.SIGINT
            raise SystemExit(128 + number) from None


@contextmanager
def _terminated() -> Iterator[None]:
    """Within it, the first SIGTERM raises Terminated; further ones do not disturb what ends by it."""
    if threading.current_thread() is not threading.main_thread():  # only that one hears signals
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
