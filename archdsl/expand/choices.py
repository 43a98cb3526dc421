"""The choices that a text may leave open, and what is decided without it.

After `conv means conv-bn-relu`, `[] means residual` and `[3x3, 64; 3x3, 64]`, the decision is
`relu after the sum, as residual blocks do`; `activation before add` makes the other choice.
"""

from archdsl.graph import Choice

SUM = Choice(
    "activation of sums",
    "{activation} after the sum",
    "as residual blocks do",
    ("activation before add",),
)
OUTPUT = Choice(
    "output layer",
    "no {companions}",
    "as it is the output layer",
    ("write them in the line: `{layer}-{written}`",),
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
TWO_ACTIVATIONS = Choice(
    "companions",
    "{first}, then {second}",
    "as the text has each",
    ("for the second alone, write it in the line of the layer, without `->`",),
)
GROUP_STRIDE = Choice(
    "stride of groups",
    "the stride in the first layer of the group",
    "as there is no `stride on`",
    ("stride on 3x3", "stride on last"),
)
SHORTCUT = Choice(
    "shortcut",
    "{shortcut} where the shape changes",
    "as there is no `shortcut`",
    ("shortcut A", "shortcut B", "shortcut C"),
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
)
CHANNELS = Choice(
    "input",
    "{sizes} as {channels} channels of {lengths}",
    "as it has the form of channels first",
    ("input {other}",),
)
LIBRARY = Choice(
    "library",
    "the block `{form}`",
    "from the library: {paper}",
    ("define it: `block {name} {{ … }}`",),
)
DEFAULT = Choice(
    "defaults",
    "{kind} with {attribute} {value}",
    "while {others}",
    ("write `{attribute} …` where the layer is written",),
)
OPTIONAL = Choice(
    "optional layers",
    "({kind}) left out",
    "as there is no `with {kind}`",
    ("with {kind}",),
)
