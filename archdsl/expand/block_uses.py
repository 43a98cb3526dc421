"""Blocks in use: their arguments are bound, and their lines are appended to a graph."""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from archdsl.errors import ArchError, Note
from archdsl.expand.blocks import Definition
from archdsl.expand.choices import LIBRARY, LIBRARY_WORD, SHORTCUT
from archdsl.expand.context import Context
from archdsl.expand.convention_statements import unknown_shortcut
from archdsl.expand.graph_builder import Stretch
from archdsl.expand.groups import GroupExpander, Lines
from archdsl.expand.parameters import form_of, with_defaults
from archdsl.expand.scopes import Body, Frame, Labels, Position
from archdsl.notation import ast
from archdsl.notation.ast import BlockUse, Placeholder, ValueText
from archdsl.notation.block_uses import STRIDES
from archdsl.syntax import expressions
from archdsl.syntax.arguments import bind
from archdsl.syntax.ast import Shortcut, Token
from archdsl.syntax.expressions import Number
from archdsl.text.source import Source

_LARGEST_DIVISOR = 32  # of channels; a larger number in place of a share is rather a width
MOST_EMPTY = 10_000  # uses of blocks that add no node, beyond one for each layer


class Call(NamedTuple):
    """A block in use: its names with their values, and the group and the stride it is given."""

    definition: Definition
    use: BlockUse | Placeholder
    names: Mapping[str, Number]
    body: Body | None = None
    stride: ValueText | None = None


class BlockExpander:
    """Turns the blocks that a network uses into nodes."""

    def __init__(self, context: Context, lines: Lines, groups: GroupExpander) -> None:
        self.context = context
        self.graph = context.graph
        self.blocks = context.blocks
        self.lines = lines
        self.groups = groups

    def expand(self, use: BlockUse, position: Position, stride: ValueText | None) -> None:
        """Append a block where it is used."""
        frame, definition = position.frame, self.blocks[use.block]
        if any(block is definition for block in frame.blocks_in_use()):
            raise frame.fail(
                f"the block `{use.block}` uses itself",
                use,
                "a block cannot use itself; repeat it with `x n`",
            )
        names = self.context.names_at(position, use.arguments)
        parameters = [name.text for name, _ in self.blocks.parameters(definition)]
        values = _values(definition, parameters, use, frame, names)
        is_named = definition.ships and frame.source is self.context.network.source
        if is_named:
            self.check_usual(definition, use, values, frame)
        parameter = self.blocks.stride_of(use.block)
        if stride is not None and parameter is not None:
            value = ast.value_of(frame.source, stride, names)
            if not isinstance(value, int | float) or parameter in values:
                raise frame.fail(
                    "the stride is given twice"
                    if parameter in values
                    else f"`{parameter}` of the block `{use.block}` is one number",
                    stride,
                    f"write `{use.block}(…) x 3, stride 2`",
                )
            values[parameter], stride = value, None
        if use.body is not None and not self.takes_body(definition):
            raise frame.fail(
                f"the block `{use.block}` has no `body`: it does not take a group",
                use,
                "leave the group out, or write `body` where it belongs in the block",
            )
        if stride is not None and use.body is None:
            raise frame.fail(
                f"the block `{use.block}` does not take a stride",
                stride,
                "give the block a parameter `stride`, or leave the stride out",
            )
        bound = self.names_in(definition, use, frame.source, values)
        if use.body is not None and not use.body.lines:
            raise frame.fail(
                f"the block `{use.block}` is used without a body",
                use,
                "write its layers in the bracket: `[ conv3-64; conv3-64 ]`",
            )
        body = Body(use.body, frame, position.labels) if use.body is not None else None
        if is_named:
            self.decide_library(definition, use, position)
        self.enter(Call(definition, use, bound, body, stride), position)

    def decide_library(self, definition: Definition, use: BlockUse, position: Position) -> None:
        """Record that the network's text uses a block of the library."""
        frame, path = position.frame, position.path
        if not self.graph.is_new(path[0], use.start, "library", use.block):
            return
        spelled = _spelled(use, frame.source)
        form = f"the block `{definition.form}`"
        if spelled != use.block:
            form = f"`{spelled}` read as {form}"
        values = {
            "form": form,
            "paper": definition.paper,
            "name": use.block,
        }
        if elsewhere := self.blocks.elsewhere(definition):
            values["elsewhere"] = elsewhere
        choice = LIBRARY_WORD if elsewhere else LIBRARY
        self.context.decide(choice, position.path, use, frame, **values)

    def check_usual(
        self, definition: Definition, use: BlockUse, values: Mapping[str, Number], frame: Frame
    ) -> None:
        """Refuse a block of the library with values that its paper cannot mean, unless the line
        names them: `Bottleneck 64, 256` with an expansion of 64."""
        plain = frame.source.plain
        self.check_parts(definition, use, values, frame)
        for name, sign, bound in self.blocks.bounds_of(definition):
            value = values.get(name)
            if value is None or (value <= bound if sign == "<=" else value >= bound):
                continue
            # `original_unit(4)` is that block, if a small one; `original unit 4` may be another.
            is_call = plain.startswith(f"{use.block}(", use.start)
            if _names_argument(use, name, plain) or (is_call and sign == ">=" and bound > 1):
                continue
            most = f"{'at most' if sign == '<=' else 'at least'} {bound:g}"
            named_all = ", ".join(f"{name}={value:g}" for name, value in values.items())
            elsewhere = self.blocks.elsewhere(definition)
            written, form = _spelled(use, frame.source), form_of(definition.block)
            raise frame.fail(
                f"is `{written}` the library's {form}, with {name} = {value:g}?",
                use,
                f"there {name} is {most} ({definition.paper}): "
                f"if it is meant, name it, `{use.block}({named_all})`; "
                + (elsewhere or f"else define it: `block {use.block} {{ … }}`"),
            )

    def check_parts(
        self, definition: Definition, use: BlockUse, values: Mapping[str, Number], frame: Frame
    ) -> None:
        """Refuse a share for a divisor, `squeeze_excitation(0.25)`, and a divisor for a share."""
        for name, how in self.blocks.parts_of(definition).items():
            value = values.get(name, 1)
            if not (0 < value < 1 if how == "divisor" else 1 < value <= _LARGEST_DIVISOR):
                continue
            other = "share" if how == "divisor" else "divisor"
            most = "at least 1" if how == "divisor" else "at most 1"
            elsewhere = self.blocks.elsewhere(definition)
            raise frame.fail(
                f"`{name}` of `{use.block}` is a {how} of the channels, {most}; not {value:g}",
                use,
                f"if {value:g} is a {other}, write `{name}={1 / value:.3g}`; "
                + (elsewhere or f"else define the block: `block {use.block} {{ … }}`"),
            )

    def takes_body(self, definition: Definition) -> bool:
        """Whether `body` is among the lines of a block."""
        composites = (parsed.composite for parsed in ast.phrases_in(self.blocks.lines(definition)))
        return any(isinstance(one, Placeholder) and one.word == "body" for one in composites)

    def names_in(
        self,
        definition: Definition,
        use: BlockUse | Placeholder,
        source: Source,
        values: Mapping[str, Number],
    ) -> dict[str, Number]:
        """The names that have values in a block where it is used."""

        def without_value(parameter: Token) -> ArchError:
            more = elsewhere
            if parameter.text in STRIDES:
                more = f"a default makes the stride 1 where none is given: `{parameter.text}=1`"
            return ArchError(
                f"`{parameter.text}` of the block `{definition.name}` has no value",
                source.span(use.start, use.end),
                [_note(definition)],
                f"write {form_of(definition.block)}" + (f"; {more}" if more else ""),
            )

        elsewhere = self.blocks.elsewhere(definition) if definition.ships else ""
        outer = self.context.names if definition.inner else {}
        parameters = self.blocks.parameters(definition)
        return with_defaults(definition.source, parameters, values, outer, without_value)

    def enter(self, call: Call, position: Position) -> None:
        """Append the lines of a block, or a copy of what they became before.

        Without copies, blocks within blocks would double the work at each level.
        """
        graph, outer = self.graph, position.frame
        definition, use, names, body, stride = call
        frame = Frame(
            definition.source,
            {**names, "in": graph.channels},
            definition,
            self.context.place(use, outer),
            outer,
            body,
            [stride] if stride is not None else [],
        )
        key = self.key(frame, position)
        if key in graph.built:
            stretch = graph.built[key]
            self.context.check_count(len(graph.nodes) + stretch.size, use, outer)
            graph.copy(stretch, position.path, frame.place)
            return
        begin = graph.mark()
        try:
            lines = self.blocks.lines(definition)
            graph.containers.append((position.path, definition.name))
            inner = position._replace(
                frame=frame,
                labels=Labels(),
                entry=graph.channels,
                outer=position.outer or graph.channels,
                is_branch=False,
                moved=-1,
                within="a block",
            )
            self.lines.expand_lines(lines, inner, is_flat=len(lines) == 1)
        except ArchError as error:
            raise self.located(error, call, outer) from None
        if len(graph.nodes) == begin.nodes:
            self.count_empty(call, outer)
        if key is not None and not graph.reads_entry_by_label(begin):
            # A flattening that was inserted next to a block is not the block's to copy.
            depth = len(position.path)
            if any(node.scope[:depth] != position.path for node in graph.nodes[begin.nodes :]):
                return
            # Nodes from the block's own text keep their places.
            is_own = definition.source is self.context.network.source
            place = (-1, -1) if is_own else frame.place
            graph.built[key] = Stretch(position.path, place, begin, graph.mark())

    def key(self, frame: Frame, position: Position) -> Hashable:
        """All that the nodes of a block depend on; None if an activation moves out of them, or a
        stride goes to the first repetition."""
        is_special = frame.strides or position.awaits_carrier or position.frame.target is not None
        if position.ends_branch or is_special or frame.definition is None:
            return None
        if self.context.widens(position.path):
            return None
        # 2 and 2.0 are equal, and True and 1, but a repeat tells them apart.
        values = tuple((name, type(value), value) for name, value in frame.names.items())
        body, x = _body_key(frame.body, position.outer), self.graph.shape
        brackets = self.context.bracket_of(frame) is None
        return frame.definition.name, body, x, position.last, position.row_rules, brackets, values

    def count_empty(self, call: Call, frame: Frame) -> None:
        """Refuse towers of blocks that add nothing: no limit of layers would stop them."""
        self.graph.empty_blocks += 1
        if self.graph.empty_blocks > MOST_EMPTY + len(self.graph.nodes):
            raise frame.fail(
                f"more than {MOST_EMPTY:,} uses of blocks that contain no layer",
                call.use,
                "leave the empty blocks out",
            )

    def located(self, error: ArchError, call: Call, frame: Frame) -> ArchError:
        """An error within a block, shown where the user's text uses it."""
        definition = call.definition
        if error.span is None or not definition.holds(error.span.source, error.span.start):
            return error
        used = frame.source.span(call.use.start, call.use.end)
        if definition.source is self.context.network.source:
            notes = [*error.notes, Note(f"the block `{definition.name}` is used here", used)]
            return ArchError(error.message, error.span, notes, error.help, error.others)
        notes = [Note(f"in the block `{definition.name}`", error.span), *error.notes]
        return ArchError(error.message, used, notes, error.help, error.others)

    def expand_body(self, placeholder: Placeholder, position: Position) -> None:
        """Append the group that a block is given, in the environment where it is written."""
        frame = position.frame
        if frame.definition is None:
            raise frame.fail(
                "`body` outside a block", placeholder, "`body` is the bracket that a block is given"
            )
        if frame.body is None:
            raise frame.fail(
                f"the block `{frame.definition.name}` is used without a body",
                placeholder,
                f"write the layers after its name: {form_of(frame.definition.block)[:-1]} [ … ]`",
            )
        group, outer, labels = frame.body
        # Of several bodies the first carries the stride, as with repetitions.
        stride = frame.strides.pop() if frame.strides else None
        inner = position._replace(frame=outer, entry=0, labels=labels)
        self.groups.expand_group(group, inner, stride)

    def expand_shortcut(self, placeholder: Placeholder, position: Position) -> None:
        """Append the block of `shortcut`, which leads to the shape of the branch next to it."""
        frame, target = position.frame, position.frame.target
        if target is None:
            raise frame.fail(
                "`shortcut` without a branch next to it",
                placeholder,
                "it is a branch of a join: `add { shortcut; body }`",
            )
        option = placeholder.option
        name = option.text if option is not None else self.context.conventions.shortcut
        if f"shortcut_{name}" not in self.blocks:
            where = placeholder.start, placeholder.end
            raise unknown_shortcut(frame.source, self.blocks, name, *where)
        definition = self.blocks[f"shortcut_{name}"]
        values = {"width": target.shape[0], "stride": self.shortcut_stride(placeholder, position)}
        parameters = self.blocks.parameter_names(definition.name)
        values = {name: value for name, value in values.items() if name in parameters}
        names = self.names_in(definition, placeholder, frame.source, values)
        # A projection has no activation: without this a sum would have one in the repetition that
        # changes the shape, and none in the others.
        waiting, nodes = len(self.graph.activations), len(self.graph.nodes)
        self.enter(Call(definition, placeholder, names), position._replace(ends_branch=True))
        del self.graph.activations[waiting:]
        if option is None and len(self.graph.nodes) > nodes:
            self.decide_shortcut(name, position, placeholder)

    def decide_shortcut(self, name: str, position: Position, where: Placeholder) -> None:
        """Record which block `shortcut` means, if the text does not say."""
        if self.context.conventions.leaves_open(Shortcut):
            kind = {"A": "zeros for new channels", "B": "a projection"}.get(name, "a block")
            texts = {"shortcut": kind, "name": name}
            self.context.decide(SHORTCUT, position.path, where, position.frame, **texts)

    def shortcut_stride(self, placeholder: Placeholder, position: Position) -> int:
        """The stride that leads to the shape of the other branch, the same on all axes."""
        frame, target = position.frame, position.frame.target
        assert target is not None
        strides = self.graph.strides_between(self.graph.current, target.end)
        if len(set(strides)) > 1 or len(strides) < len(target.shape) - 1:
            raise frame.fail(
                f"a shortcut next to a stride of {'x'.join(map(str, strides))}"
                if strides
                else "a shortcut next to a branch that enlarges its map",
                placeholder,
                "a shortcut has one stride for all axes: write the branch out",
            )
        return strides[0] if strides else 1


def _values(
    definition: Definition,
    parameters: Sequence[str],
    use: BlockUse,
    frame: Frame,
    names: Mapping[str, Number],
) -> dict[str, Number]:
    """The values of a block's arguments, by the names of its parameters."""
    source = frame.source
    try:
        bound = bind(source, use.arguments, parameters, f"the block `{use.block}`")
    except ArchError as error:
        notes = [*error.notes, _note(definition)]
        raise ArchError(error.message, error.span, notes, error.help) from None
    return {name: expressions.evaluate(one.value, names, source) for name, one in bound.items()}


def _names_argument(use: BlockUse, name: str, plain: str) -> bool:
    """Whether a text writes the name of an argument; one by position, `Bottleneck 64`, has the name
    of its parameter too."""
    return any(
        one.name.text == name and plain.startswith(name.split("_")[0], one.name.start)
        for one in use.arguments
        if one.name
    )


def _spelled(use: BlockUse, source: Source) -> str:
    """How a text writes the name of a block: `Reduction-A`, `MBConv`; a bracket has its name."""
    end = use.start
    for letter in use.block.replace("_", ""):
        while source.plain[end : end + 1] in ("-", "_", " "):
            end += 1
        if source.plain[end : end + 1].lower() != letter.lower():
            return use.block
        end += 1
    return source.plain[use.start : end]


def _note(definition: Definition) -> Note:
    name = definition.block.name
    return Note("it is defined here", definition.source.span(name.start, name.end))


def _body_key(body: Body | None, outer: int) -> Hashable:
    """What the nodes of a body depend on: the text of the group, the frame where it is written,
    the channels that enter the group around it, and the values of the labels that it reads."""
    if body is None:
        return None
    group, frame, labels = body
    values = tuple((name, labels.get(name)) for name in ast.references(group.lines))
    return frame.source.text[group.start : group.end], frame, outer, values
