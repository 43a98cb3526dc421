"""Limits on what archdsl reads: a text from a stranger may ask for more than a machine has."""

from typing import NamedTuple


class Limit(NamedTuple):
    """The most there may be of something, and the error for more: `{}` is `most` in its text."""

    most: int
    text: str
    help: str

    @property
    def message(self) -> str:
        return self.text.format(f"{self.most:,}")


# Tables and derived networks multiply the lines of a text.
LINES_OF_NETWORKS = Limit(
    1_000_000, "networks of more than {} lines together", "keep fewer networks, or lines, in a file"
)
