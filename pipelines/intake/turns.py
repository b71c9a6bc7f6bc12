"""When a file may be entered, where several are read at the same time: after all that come before it."""

from collections.abc import Callable


class Turn:
    """The turn of one file. `sequence`: the ledger number it will have if those before it turn out as foreseen.

    `wait` returns when all before it are entered; for a file that is taken in by itself that is at once.
    """

    def __init__(self, sequence: int, wait: Callable[[], None] = lambda: None) -> None:
        self.sequence = sequence
        self._wait = wait
        self._has_come = False

    def come(self) -> None:
        """Wait for the turn; once it has come it stays."""
        if not self._has_come:
            self._wait()
            self._has_come = True
