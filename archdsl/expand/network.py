"""Syntax to graph: conventions, repeats, blocks, joins and defaults become layers with shapes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archdsl.errors import MOST_ERRORS, ArchError, Errors
from archdsl.expand import classifiers, convention_statements
from archdsl.expand.blocks import Blocks
from archdsl.expand.choices import CHANNELS, OPTIONAL
from archdsl.expand.context import Context
from archdsl.expand.conventions import Conventions
from archdsl.expand.graph_builder import GraphBuilder
from archdsl.expand.lines import LineExpander
from archdsl.expand.parameters import classes_of, declarable, declared, values_of
from archdsl.expand.printed_sizes import PaperSettings
from archdsl.expand.scopes import Frame, Labels, Position
from archdsl.expand.table_sizes import has_sizes_of_tables, with_axes
from archdsl.figures import counted, numbers_of
from archdsl.graph import Claimed, Graph, Scope, Section
from archdsl.layers import Input, LayerError, Value
from archdsl.layers.input import MOST_CHANNELS
from archdsl.layers.terms import times
from archdsl.notation import ast, phrase
from archdsl.notation import labels as line_labels
from archdsl.notation.ast import LayerText, Line, ParsedPhrase, ValueText
from archdsl.notation.optional_layers import Options
from archdsl.syntax import expressions
from archdsl.syntax.ast import (
    Either,
    Item,
    Let,
    NetworkText,
    Outputs,
    Phrase,
    SizesDecide,
    Token,
)
from archdsl.syntax.expressions import Number

NO_WIDTHS: Mapping[Scope, int] = {}


def expand(
    network: NetworkText,
    parameters: Mapping[str, Number] | None = None,
    input: Sequence[int] | None = None,
) -> Graph:
    """The graph of a network.

    `parameters` replace the defaults of the network's own; `input` (H, W) or (H, W, C) replaces the
    size of its input. What printed sizes settle is computed with the paper's own parameters and
    input. Raises ArchError for everything that is wrong with the text.
    """
    parameters = parameters or {}
    classes = classes_of(network, parameters)
    if classes is not None:
        return _with_classes(network, parameters, input, classes)
    if not parameters and input is None:
        return with_axes(network, _own_graph)[1]
    return _changed_graph(network, parameters, input, {})


def _with_classes(
    network: NetworkText,
    parameters: Mapping[str, Number],
    input: Sequence[int] | None,
    classes: Number,
) -> Graph:
    """The graph of a network whose classifiers have another number of classes."""
    graph = _changed_graph(network, parameters, input, {})
    graph = _changed_graph(network, parameters, input, classifiers.widths(graph, classes))
    classifiers.check(graph, classes)
    return graph


def _changed_graph(
    network: NetworkText,
    parameters: Mapping[str, Number],
    input: Sequence[int] | None,
    widths: Mapping[Scope, int],
) -> Graph:
    """The graph of a network with other parameters, another input, or other widths of layers."""
    if has_sizes_of_tables(network):
        needed = _without_default(network, parameters)
        network, _ = with_axes(network, lambda one: _graph(one, read(one, needed), None, None))
    text = read(network, parameters)
    paper_settings = None
    if any(isinstance(s, SizesDecide) for s in network.statements):
        papers_own = read(network, _without_default(network, parameters))
        settled = _graph(network, papers_own, None, None).origin.settled
        paper_settings = PaperSettings(settled, bool(parameters))
    return _graph(network, text, input, paper_settings, widths)


def _own_graph(network: NetworkText) -> Graph:
    return _graph(network, read(network), None, None)


def _without_default(
    network: NetworkText, parameters: Mapping[str, Number]
) -> Mapping[str, Number]:
    """The parameters for which the paper gives no value."""
    defaults = dict(declared(network.source, network.header)) if network.header else {}
    own = {name.text for name, default in defaults.items() if default is not None}
    return {name: value for name, value in parameters.items() if name not in own}


# Reading.


class Text(NamedTuple):
    """A network's text once it is read: its lines, the input first; its names with their values;
    its blocks, its choices of optional layers, and its conventions."""

    lines: tuple[Line, ...]
    names: Mapping[str, Number]
    blocks: Blocks
    options: Options
    conventions: Conventions


def read(network: NetworkText, parameters: Mapping[str, Number] | None = None) -> Text:
    """Read every line and statement of a network. Raises ArchError with the errors of all."""
    names, options = values_of(network, parameters or {})
    frame = Frame(network.source, names)
    errors = Errors()
    for statement in network.statements:
        if isinstance(statement, Let | Either):
            with errors:
                name, value = _let(frame, statement)
                names[name] = value
    blocks = Blocks(network, names.keys(), options)
    conventions = Conventions(network.source, names)
    lines: tuple[Line, ...] = ()
    with errors:
        conventions = convention_statements.read(network, names, blocks)
    with errors:
        blocks.read()
    with errors:
        items = _with_input([s for s in network.statements if isinstance(s, Item)])
        lines = phrase.read_lines(network.source, items, names.keys() | {"in"}, blocks)
    errors.sort(key=lambda error: error.span.start if error.span else 0)
    errors.check()
    return Text(lines, names, blocks, options, conventions)


def _let(frame: Frame, statement: Let | Either) -> tuple[str, Number]:
    """The name that a statement declares, and its value."""
    source = frame.source
    name = declarable(source, statement.name)
    if name in frame.names:
        raise frame.fail(
            f"`{name}` already has a value",
            statement.name,
            "a statement holds for the whole network: write it once",
        )
    texts = (statement.value,) if isinstance(statement, Let) else statement.values
    if isinstance(statement, Either) and (len(texts) < 2 or not all(texts)):
        raise frame.fail(
            f"the reading `{name}` needs at least two values",
            statement.name,
            f"write `reading {name} = 2 or 1`; `let` gives one value",
        )
    # The first value is the text's own; the others are those of other readings.
    value, *_ = [
        expressions.evaluate(expressions.read(source, text), frame.names, source) for text in texts
    ]
    return name, value


def _with_input(items: list[Item]) -> list[Item]:
    """The lines; the input at the start of a network on one line becomes a line of its own:
    `1x29x29-20C4-MP2-150N-10N`."""
    first = items[0].phrases[0].tokens if items else ()
    if len(first) < 3 or first[0].kind != "size" or first[1].kind != "join":
        return items
    size, _, *rest = first
    if any(
        p.kind == "word" and p.text.lower() == "input" for i in items for p in i.phrases[0].tokens
    ):
        return items
    word = Token("word", "input", size.start, size.end)
    line = items[0]._replace(phrases=(Phrase(tuple(rest)), *items[0].phrases[1:]))
    return [Item((Phrase((word, size)),), ()), line, *items[1:]]


# Expansion.


def _graph(
    network: NetworkText,
    text: Text,
    input: Sequence[int] | None,
    paper_settings: PaperSettings | None,
    widths: Mapping[Scope, int] = NO_WIDTHS,
) -> Graph:
    """The graph of a network that is read. `widths` replace those of the layers at their scopes."""
    if not text.lines:
        header = network.header
        raise ArchError(
            f"the network {network.name or network.source.name} has no layers",
            network.span(*((header.name.start, header.name.end) if header else (0, 0))),
            help="write one layer per line: `conv3-64`, `maxpool`, `FC-10`",
        )
    first, *lines = text.lines
    frame = Frame(network.source, text.names)
    layers = first.phrases[0].layers
    if not (layers and issubclass(layers[0].kind, Input)):
        raise frame.fail(
            "the network has no input",
            first.item,
            "write its size before the first layer: `input 224x224 RGB`",
        )
    statement = network.only(Outputs)
    outputs = statement.labels if statement else ()
    graph = GraphBuilder()
    context = Context(
        network,
        text.names,
        text.blocks,
        text.conventions,
        frozenset(token.text for token in outputs),
        paper_settings,
        widths,
        graph,
    )
    expander = LineExpander(context)
    _add_input(expander, first, frame, input)
    if not lines:
        raise frame.fail("the network has no layers", first.item, "write one layer per line")
    _check_outputs(frame, outputs, lines, text.blocks)
    labels = Labels()
    if (label := first.phrases[0].label) is not None:
        labels[label.text] = graph.label()
    expander.expand_lines(lines, Position((), frame, labels, last=True))
    _decide_options(context, text.options, frame)
    text.options.check()  # blocks of the library are read where they are used
    if len(graph.nodes) == 1:
        raise frame.fail("no line of the network is a layer", lines[0].item)
    ends = _ends(frame, outputs, graph) or [graph.current]
    _check_all_read(context, ends)
    return graph.graph(network, ends)


def _add_input(
    expander: LineExpander, line: Line, frame: Frame, override: Sequence[int] | None
) -> None:
    """Append the input, with the size in the text or with another."""
    item, parsed, graph = line.item, line.phrases[0], expander.graph
    layer, size = _input_layer(parsed)
    if len(parsed.layers) > 1 or parsed.repeat or len(line.phrases) > 1 or line.guard:
        raise frame.fail("the input is a line of its own", item)
    layer = ast.evaluated(frame.source, layer, frame.names)
    op = expander.layers.settle(layer, (), frame)
    assert isinstance(op, Input)
    if item.claims or size:
        section = Section("input", "input", "input", 1, 0, 1, 0, 0)
        graph.inner_claims.append(Claimed(section, size, item.claims, item.start))
    if override is not None:
        op = _resized(op, override, expander.conventions.padding)
    _decide_channels(expander.context, layer, op, frame)
    graph.add(op, (), ("input",), op.shape, (item.start, item.end))


def _decide_channels(context: Context, layer: LayerText, op: Input, frame: Frame) -> None:
    """Record which number of the input is the channels, if it is not the last."""
    value = layer.given["lengths"].value
    if not isinstance(value, tuple) or len(value) != len(op.lengths) + 1 or not op.channels:
        return
    *lengths, last = sizes = tuple(n for n in value if isinstance(n, int))
    if sizes != (*op.lengths, op.channels):
        rank = " clip" if len(lengths) > 2 else ""
        values = {
            "channels": counted(op.channels, "channel"),
            "lengths": times(op.lengths),
            "sizes": times(sizes),
            "why": _why_first(sizes),
            "other": f"{times(tuple(lengths))}{rank}, {counted(last, 'channel')}",
        }
        context.decide(CHANNELS, ("input",), layer, frame, **values)


def _why_first(sizes: tuple[int, ...]) -> str:
    """Why another number of an input than the last is the channels."""
    if len(sizes) == 2:
        return f"only the first number is at most {MOST_CHANNELS}"
    if sizes[-1] == sizes[-2]:
        return "the last two numbers are equal"
    if sizes[-1] == sizes[0]:
        return "the first and the last number are equal"
    if sizes[1] in (1, 3):
        return "the first number is 1 or 3 and the last is not"
    return "only the first number is 1 or 3"


def _input_layer(parsed: ParsedPhrase) -> tuple[ast.LayerText, Token | None]:
    """The input, and the size that is claimed of it; CS231n's `[227x227x3] INPUT` gives it."""
    layer, size = parsed.layers[0], parsed.claimed
    if size is None or "lengths" in layer.given:
        return layer, size
    lengths = ValueText(numbers_of(size.text), size.start, size.end)
    return layer._replace(given={**layer.given, "lengths": lengths}), None


def _resized(op: Input, sizes: Sequence[int], padding: str) -> Input:
    """The input of another size: its lengths, or those and the channels. Any other number of sizes
    is read as if in a text."""
    if (
        not isinstance(sizes, list | tuple)
        or not all(type(n) is int for n in sizes)
        or not 0 < len(sizes) < 5
    ):
        raise ArchError(
            f"`input={sizes!r}` is not a size",
            help="give (H, W), (H, W, C), (L, C) or (T, H, W, C)",
        )
    values: dict[str, Value] = {"lengths": tuple(sizes)}
    if op.channels and len(sizes) - len(op.lengths) in (0, 1):
        values["rank"] = len(op.lengths)
        if len(sizes) == len(op.lengths):
            values["channels"] = op.channels
    try:
        return Input.settle(values, (), padding)
    except LayerError as problem:
        raise ArchError(problem.message, help=problem.help) from None


# The outputs.


def _check_outputs(
    frame: Frame, outputs: Sequence[Token], lines: Sequence[Line], blocks: Blocks
) -> None:
    """Raises ArchError unless each label in `output` is that of a different line of the network."""
    known = line_labels.Labels([line.item for line in lines])
    for line in lines:
        if line.label is not None and line.is_side:
            known.add_side(line.label.text)
        elif line.label is not None:
            known.add(line.label)
    seen = set()
    for token in outputs:
        if token.text not in known:
            raise known.refusal(frame.source, token, blocks)
        if token.text in seen:
            raise frame.fail(f"`{token.text}` is an output twice", token, "name it once")
        seen.add(token.text)


def _ends(frame: Frame, outputs: Sequence[Token], graph: GraphBuilder) -> list[int]:
    """The nodes whose values leave the lines that `output` names."""
    exits = {section.name: section.exit for section in graph.sections}
    for label in outputs:
        if label.text not in exits:
            raise frame.fail(
                f"there is no line `{label.text}` here",
                label,
                "its condition does not hold: leave it out of `output`",
            )
    return [exits[label.text] for label in outputs]


def _decide_options(context: Context, options: Options, frame: Frame) -> None:
    """Record which optional layers the network is read without."""
    for kind, (source, start, end) in options.left_out.items():
        if source is frame.source:
            place = ValueText(kind, start, end)
            context.decide(OPTIONAL, (), place, frame, kind=kind)


def _check_all_read(context: Context, ends: Sequence[int]) -> None:
    """Refuse values that nothing reads: a layer that is written must have an effect."""
    network, graph = context.network, context.graph
    if not (graph.references or context.outputs):
        return  # every line reads the value of the one before
    read = {i for node in graph.nodes for i in node.inputs}
    read |= {*ends, *(side.section.exit for side in graph.sides)}
    errors = Errors()
    for index, node in enumerate(graph.nodes):
        if index in read or len(errors) == MOST_ERRORS:
            continue
        section = next((s for s in graph.sections if s.first <= index < s.last), None)
        name = section.name if section is not None and section.exit == index else node.name
        errors.append(
            ArchError(
                f"nothing reads the value of `{name}`",
                network.span(*graph.places[index]),
                help="join it, `concat { a; b }`, name its line in `output`, or remove it",
            )
        )
    errors.check()
