"""Ctrl-C and SIGTERM, heard where training can stop."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Remembers the first signal until `check` raises it as KeyboardInterrupt.

    An exception in the midst of a step could end in a library that swallows it, or between two
    files. The second signal ends the process at once.
    """

    def __init__(self) -> None:
        self.heard: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        for number in SIGNALS:
            # Who was told to ignore a signal, as by `nohup`, goes on ignoring it.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self.before[number] = signal.signal(number, self.hear)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = number
        for each in self.before:
            signal.signal(each, signal.SIG_DFL)

    def check(self) -> None:
        if self.heard is not None:
            raise KeyboardInterrupt

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, as shells count."""
        return 128 + (self.heard or signal.SIGINT)
