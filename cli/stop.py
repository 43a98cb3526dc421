"""Ctrl-C and SIGTERM, noted until training reaches a point where it can stop."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Remembers the first signal until `check` raises it as KeyboardInterrupt.

    An exception raised in the middle of a step could be swallowed by a library, or leave one of
    two files unwritten. A second signal ends the process at once.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        for number in SIGNALS:
            # A signal that is ignored, as under `nohup`, stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self.before[number] = signal.signal(number, self.receive)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        for each in self.before:
            signal.signal(each, signal.SIG_DFL)

    def check(self) -> None:
        if self.received is not None:
            raise KeyboardInterrupt

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, as in shells."""
        return 128 + (self.received or signal.SIGINT)
