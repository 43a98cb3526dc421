"""The choices that a text may leave open, and what is decided without it.

After `conv means conv-bn-relu`, `[] means residual` and `[3x3, 64; 3x3, 64]`, the decision is
`relu after the sum, as residual blocks do`; `activation before add` makes the other choice.
"""

from archdsl.graph import Choice
from archdsl.layers import Layer
from archdsl.notation.ast import LayerText

SUM = Choice(
    "activation of sums",
    "{activation} after the sum",
    "as residual blocks do",
    ("activation before add",),
    ("activation before add", "activation after add"),
)
KEPT = Choice(
    "activation of sums",
    "{activation} before the sum",
    "as {reason}",
    (
        "write `no {activation}` in the branch, and the sum as "
        "`add {{ shortcut; [ … ] }} -> {activation}`",
    ),
)
WRITTEN_SUM = Choice(
    "activation of sums",
    "{activation} before the sum",
    "as the text writes the sum out",
    ("write `, activation after` after the braces of the sum", "activation after add"),
)
NO_ACTIVATION = Choice(
    "activation of sums",
    "no activation after the sum",
    "as no branch has one to move",
    ("write one after the sum: `add {{ shortcut; [ … ] }} -> relu`",),
)
OUTPUT = Choice(
    "output layer",
    "no {companions}",
    "as it is the output layer",
    ("write `, {written}` at the end of the line",),
)
BIAS = Choice(
    "bias",
    "no bias next to {norm}",
    "as the norm has one",
    ("write `bias` in the line",),
)
REPLACED = Choice(
    "companions",
    "{written} in place of {companion}",
    "as the line writes it",
    ("for both, `-> {written}`",),
)
MOVED = Choice(
    "companions",
    "{companions} {here} {layer}, not {there} it{bias}",
    "as the line writes it",
    ("for both, write {companions} {there} it too",),
)
TWO_ACTIVATIONS = Choice(
    "companions",
    "{first}, then {second}",
    "as the text has each",
    ("for the second alone, write it in the line of the layer, without `->`",),
)
REPEATED_STRIDE = Choice(
    "repeats",
    "stride {stride} in each of {count} repetitions",
    "as it is the layer's",
    ("for the first alone, `{{ … }} x {count}, stride {stride}`",),
)
OTHER_KIND = Choice(
    "companions",
    "no {companions} next to {layer}",
    "as only `{selector} means` is given",
    ("write `{layer} means …`",),
)
WRITTEN_FIRST = Choice(
    "companions",
    "{written}, then {companion}",
    "as the chain writes {written} before the layer",
    ("for the order of the convention, `{written}, …` in one phrase, without `->`",),
)
GROUP_STRIDE = Choice(
    "stride of groups",
    "the stride in the first layer of the group ({layer})",
    "as the text has no `stride on`",
    ("stride on 3x3", "stride on last"),
    ("stride on first", "stride on 3x3", "stride on last"),
    "stride on first",
)
BRACKET = Choice(
    "brackets",
    "the bracket as a group",
    "as it is a branch of a join",
    ("write `{block} [ … ]` in the branch", "for a group without this line, `{{ … }}`"),
)
SHORTCUT = Choice(
    "shortcut",
    "{shortcut} where the shape changes",
    "as the text has no `shortcut`",
    ("shortcut A", "shortcut C"),
    ("shortcut A", "shortcut B", "shortcut C"),
    "shortcut B",
)
PRINTED = Choice(
    "printed sizes",
    "{what}",
    "as the size {printed} is printed",
    ("write it in the line",),
)
PADDING = Choice(
    "padding",
    "padding same",
    "as the text declares none",
    ("padding valid",),
    ("padding same", "padding valid"),
    "padding same",
)
NO_PADDING = Choice(
    "padding",
    "no padding of {layer}",
    "as {reason}",
    ("write `pad …` in the line",),
)
CHANNELS = Choice(
    "input",
    "{sizes} read as {channels} of {lengths}",
    "as {why}",
    ("input {other}",),
)
LIBRARY = Choice(
    "library",
    "{form}",
    "from the library: {paper}",
    ("define it: `block {name} {{ … }}`",),
)
LIBRARY_WORD = LIBRARY._replace(instead=("for another one: {elsewhere}", *LIBRARY.instead))
DEFAULT = Choice(
    "defaults",
    "{decided}",
    "while {others}",
    ("write `{instead}` where the layer is written",),
)
MULTIPLE = Choice(
    "depthwise",
    "{count} filters for each of {channels} channels",
    "as the width is {width}",
    ("write no width for one filter a channel", "write a 1x1 convolution of that width after it"),
)
POOL_EDGES = Choice(
    "defaults",
    "{kind} rounding down",
    "while {others}",
    ("write `ceil` where the layer is written",),
    ("max pool means max pool same", "max pool means max pool ceil"),
)
OPTIONAL = Choice(
    "optional layers",
    "({kind}) left out",
    "as the text has no `with {kind}`",
    ("with {kind}",),
)
POOL = Choice(
    "names",
    "{kind}",
    "as `pool` alone is one",
    ("write `max pool`, or `average pool`",),
)
HELD = Choice(
    "names",
    "{kind}",
    "as the name says",
    ("write the layer in the line",),
)
OTHER = Choice(
    "names",
    "{written}, not {kind} as the name says",
    "as the line writes it",
    ("name the line otherwise",),
)
SPANS = Choice(
    "tables",
    "a row of all networks",
    "as only the first of its cells is filled",
    ("for the first network alone, write `-` in the other cells",),
)
AXES = Choice(
    "input",
    "sizes as channels, height, width",
    "as the table's are not height, width, channels",
    ("print them as 56x56x64",),
)


def spelling(kind: type[Layer]) -> str:
    """A kind of layer as texts spell it: `leaky relu`."""
    return next(iter(kind.words), kind.kind)


def spelling_of(layer: LayerText) -> str:
    """A layer as texts spell its kind: `up-conv` if its stride is its kernel's."""
    return "up-conv" if "up" in layer.given else spelling(layer.kind)


# The choices that statements for the whole network make, in the order in which readings vary them.
STATEMENTS = (GROUP_STRIDE, SHORTCUT, PADDING, POOL_EDGES, SUM)
