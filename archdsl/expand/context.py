"""What every step of an expansion reads, and the graph that they all build."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from archdsl.expand.blocks import Blocks
from archdsl.expand.conventions import Conventions
from archdsl.expand.graph_builder import GraphBuilder, Place
from archdsl.expand.printed_sizes import PaperSettings
from archdsl.expand.scopes import Frame, Position
from archdsl.graph import Choice, Decision, Scope
from archdsl.notation.ast import Argument, BlockUse, ValueText
from archdsl.notation.context import Located
from archdsl.syntax.ast import NetworkText
from archdsl.syntax.expressions import Expression, Number, names_in

# The limit for a short text; a long one may have as many layers as it has room to write.
MOST_LAYERS = 120_000
SHORTEST = 4  # characters of a text per layer beyond that limit


class Context(NamedTuple):
    """One expansion. `outputs` are the labels that `output` names; `paper_settings` are set if the
    input or the parameters are not the paper's; `widths` replace those of layers, by scope."""

    network: NetworkText
    names: Mapping[str, Number]
    blocks: Blocks
    conventions: Conventions
    outputs: frozenset[str]
    paper_settings: PaperSettings | None
    widths: Mapping[Scope, int]
    graph: GraphBuilder

    def names_at(
        self, position: Position, texts: Iterable[ValueText | Argument]
    ) -> Mapping[str, Number]:
        """The names that have values in some texts. Outside blocks `in` is the channels that enter
        the line. Raises ArchError if that could also be those that enter the group around it."""
        names = position.frame.names
        if "in" in names:
            return names
        entry, outer = self.entry_channels(position), position.outer
        if outer not in (0, entry):
            for text in texts:
                value = text.value
                if isinstance(value, Expression) and "in" in names_in(value):
                    raise position.frame.fail(
                        f"`in` could be {entry}, for the line, or {outer}, for what is around it",
                        text,
                        "write the number; or write a chain, `a -> b`, or a block: "
                        "there `in` is what enters the whole",
                    )
        return {**names, "in": entry}

    def entry_channels(self, position: Position) -> int:
        """The channels that enter the line."""
        return position.entry or self.graph.channels

    def widens(self, path: Scope) -> bool:
        """Whether a layer within a path has another width than its text, so that it is not a copy
        of anything."""
        return any(scope[: len(path)] == path for scope in self.widths)

    def place(self, where: Located, frame: Frame) -> Place:
        """Where something is in the network's own source."""
        if frame.source is self.network.source:
            return where.start, where.end
        return frame.place

    def decide(
        self, choice: Choice, path: Scope, where: Located, frame: Frame, **values: object
    ) -> None:
        """Record how a choice was made in a line; `values` fill in the texts of the choice."""
        place = self.place(where, frame)
        if self.graph.is_new(place, path[0] if path else "", choice.decided, *values.values()):
            self.graph.decisions.append(Decision(choice, values, path, *place))

    def bracket_of(self, frame: Frame) -> BlockUse | None:
        """The block that brackets stand for, in the network's own text; within that block itself
        they are plain groups."""
        bracket = self.conventions.bracket
        if bracket is None or frame.definition is None:
            return bracket
        is_own = frame.source is self.network.source
        blocks = (definition.name for definition in frame.blocks_in_use())
        return bracket if is_own and bracket.block not in blocks else None

    def check_count(self, count: int, where: Located, frame: Frame) -> None:
        if count <= MOST_LAYERS:
            return
        most = max(MOST_LAYERS, len(self.network.source.text) // SHORTEST)
        if count > most:
            raise frame.fail(
                f"more than {most:,} layers",
                where,
                f"archdsl expands networks of up to {MOST_LAYERS:,} layers, "
                f"or one layer for every {SHORTEST} characters of the text",
            )
