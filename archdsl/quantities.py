"""What a figure that a paper prints can be about, and how papers spell it.

    trainable params (M) | 25.6     =>  trainable, in M: a column or a row of a table
    expect trainable params 25.6M   =>  trainable: a claim

Columns of tables, names of rows and claims all read these words.
"""

from typing import Literal, NamedTuple

Figure = Literal["size", "count", "amount"]


class Quantity(NamedTuple):
    """One quantity.

    `figure` is what is printed of it: a "size" such as `56x56x64`, a "count" such as `16`, or an
    "amount", which may be abbreviated: `138M`. `spellings` are read like the name, `in_claims` and
    `in_tables` only there. Without `of_network` it is an attribute of one layer, and a column of
    that name gives the attribute instead of claiming it.
    """

    name: str
    figure: Figure
    spellings: tuple[str, ...] = ()  # in lower case, hyphens as blanks
    in_claims: tuple[str, ...] = ()
    in_tables: tuple[str, ...] = ()
    of_network: bool = True

    @property
    def words(self) -> tuple[str, ...]:
        """Every spelling, in claims and in tables."""
        return (self.name, *self.spellings)


QUANTITIES = (
    Quantity(
        "output size",
        "size",
        ("output", "output shape", "output map size", "res"),
        in_claims=("", "size"),  # `=> 56x56`; above a column `size` may be that of a kernel
    ),
    Quantity("input size", "size", ("input", "input shape")),
    Quantity("receptive field", "size", ("rf", "rf size")),
    Quantity("params", "amount", ("param", "parameters", "total params", "total parameters")),
    Quantity("trainable", "amount", ("trainable params", "trainable parameters")),
    # Papers print multiply-adds below `FLOPs`; a claim is in our words, where those are twice that.
    Quantity(
        "macs",
        "amount",
        ("ops", "madds", "mult adds", "multiply adds"),
        in_tables=("flops",),
    ),
    Quantity("flops", "amount"),
    Quantity("depth", "count"),
    Quantity("weight layers", "count", ("layers",)),
    Quantity("channels", "count", of_network=False),
    Quantity("kernel", "size", of_network=False),
    Quantity("stride", "size", of_network=False),
)

_EVERYWHERE = {spelling: one for one in QUANTITIES for spelling in one.words}
_IN_CLAIMS = _EVERYWHERE | {s: one for one in QUANTITIES for s in one.in_claims}
_OF_NETWORK = [one for one in QUANTITIES if one.of_network]
_IN_TABLES = {spelling: one for one in _OF_NETWORK for spelling in one.words}
_IN_TABLES |= {spelling: one for one in _OF_NETWORK for spelling in one.in_tables}
TABLE_SPELLINGS = tuple(_IN_TABLES)


def claimed_quantity(words: str) -> Quantity | None:
    """The quantity with this spelling in a claim, ignoring case: `Multiply-Adds`, `weight_layers`;
    without words, the output size."""
    return _IN_CLAIMS.get(_spelled(words))


def table_quantity(words: str) -> Quantity | None:
    """The quantity of a network or of a line with this spelling, as the header of a column or the
    name of a row."""
    return _IN_TABLES.get(_spelled(words))


def _spelled(words: str) -> str:
    return " ".join(words.lower().replace("_", " ").replace("-", " ").split())
