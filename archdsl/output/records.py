"""The JSON that the commands print, as records that check and read it.

>>> import archdsl
>>> from archdsl.output.records import Summary
>>> Summary.model_validate(archdsl.load("vgg16").to_dict()).totals.weight_layers
16
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Row(_Record):
    """One line of the spec, or a side head, of the kind "side".

    Shapes are [C, H, W] or [C]; receptive field and stride per axis.
    """

    name: str
    notation: str
    kind: str
    repeat: int
    input: list[int]
    output: list[int]
    params: int
    macs: int
    receptive_field: list[int]
    stride: list[int | float]  # a fraction where the map is larger than the input
    depth: int


class Memory(_Record):
    """Bytes at float32 and batch 1."""

    parameters: int
    forward_peak: int
    backward: int


class Side(_Record):
    """A side head: the weight of its loss, and the shape of its logits."""

    name: str
    weight: float
    output: list[int]
    params: int
    macs: int


class Totals(_Record):
    """Those of the main path; of side heads in `side_params` and `side_macs`."""

    params: int
    trainable: int
    buffers: int
    macs: int
    flops: int
    side_params: int
    side_macs: int
    weight_layers: int
    receptive_field: list[int]
    misaligned: list[str]  # joins whose branches are centred on different places
    memory: Memory


class Claim(_Record):
    """One printed figure; `computed` is a number or a shape."""

    where: str
    quantity: str
    printed: str
    computed: int | list[int]
    verdict: Literal["holds", "erratum", "fails", "not judged"]
    how: Literal["exactly", "rounds", "truncates", "within one unit"] | None
    note: str | None


class Settled(_Record):
    """What a printed size settled of a line, as the line would write it: `pad 1`."""

    where: str
    what: str
    input: list[int]
    printed: str


class Summary(_Record):
    """`archdsl summary --format json`.

    `params_count` is how printed params are counted, `without bias, K = 1024`, or empty.
    """

    network: str
    title: str
    paper: str | None
    input: list[int]
    outputs: list[list[int]]
    sides: list[Side]
    rows: list[Row]
    totals: Totals
    settled: list[Settled]
    params_count: str
    claims: list[Claim]


class NetworkClaims(_Record):
    network: str
    params_count: str
    claims: list[Claim]


class Verification(_Record):
    """`archdsl verify --format json`."""

    networks: list[NetworkClaims]


class Reading(_Record):
    """A network under one reading: `changes` are empty for what the text says.

    `claims` are printed numbers that are no errata; `errata` those errata that hold.
    """

    changes: list[str]
    claims: int
    holds: int
    fails: list[str]
    errata: list[str]
    params: int
    macs: int
    all_hold: bool


class NetworkReadings(_Record):
    network: str
    said: list[str]
    readings: list[Reading]


class Readings(_Record):
    """`archdsl verify --readings --format json`."""

    networks: list[NetworkReadings]


class Remark(_Record):
    """A note of a diagnostic; its place is None where it is about no text."""

    file: str | None
    line: int | None
    column: int | None
    end_line: int | None
    end_column: int | None
    message: str


class Diagnostic(Remark):
    """An error, in `networks`; in none where it is one of a whole file.

    Lines and columns count from 1, columns in characters. `end_column` is behind the last one.
    """

    notes: list[Remark]
    help: str | None
    networks: list[str]


class Check(_Record):
    """`archdsl check --format json`."""

    files: int
    networks: int
    diagnostics: list[Diagnostic]


class Attribute(_Record):
    """What two layers, or two networks, have each otherwise."""

    name: str
    before: bool | int | float | str | list[int | float]
    after: bool | int | float | str | list[int | float]


class Place(_Record):
    """A layer of one of two networks, in the row of its line; shapes are [C, H, W] or [C]."""

    name: str
    row: str
    layer: str
    kind: str
    input: list[int]
    output: list[int]
    params: int
    macs: int


class Change(_Record):
    """A layer that only one network has, or two that stand for each other and differ."""

    what: Literal["added", "removed", "changed"]
    before: Place | None
    after: Place | None
    attributes: list[Attribute]
    params: int
    macs: int


class Total(_Record):
    before: int
    after: int
    change: int


class DifferenceTotals(_Record):
    """Those of the main path, and of the side heads."""

    params: Total
    macs: Total
    side_params: Total
    side_macs: Total


class Difference(_Record):
    """`archdsl diff --format json`. `settings`: input, output and side heads, where they differ."""

    a: str
    b: str
    same: bool
    settings: list[Attribute]
    changes: list[Change]
    totals: DifferenceTotals


class Spelling(_Record):
    """How papers write a layer kind, and the attributes that these words set."""

    words: str
    sets: dict[str, bool | int | float | str]


class LayerAttribute(_Record):
    """How an attribute is written: `words` in front of a value, `units` behind it, `flags` instead.

    `values` says what it may be, `default` what stands where the text does not say it.
    """

    name: str
    words: list[str]
    units: list[str]
    flags: dict[str, bool | int | float | str]
    values: str
    default: str
    means: str


class LayerExample(_Record):
    """A line, on inputs [C, H, W] or [C]."""

    text: str
    inputs: list[list[int]]
    output: list[int]
    params: int
    macs: int


class LayerKind(_Record):
    """A layer kind. `takes_size`, `takes_number` and `takes_suffix` name the attributes that a bare
    `3x3`, a bare `64` and the digits of `conv3` set; `listings` the classes of torch.nn.
    """

    name: str
    kind: str
    group: str
    summary: str
    description: str
    spellings: list[Spelling]
    compact: list[str]
    listings: list[str]
    weight_layer: bool
    takes_size: str | None
    takes_number: str | None
    takes_suffix: str | None
    attributes: list[LayerAttribute]
    examples: list[LayerExample]


class LayerKinds(_Record):
    """`archdsl layers --format json`."""

    kinds: list[LayerKind]


class ClassAccuracy(_Record):
    """The test images of one class, and the share of them that is classified rightly."""

    name: str
    images: int
    accuracy: float


class Evaluation(_Record):
    """`archdsl eval --format json`: a trained network on its test images.

    `loss` is the mean cross-entropy in nats, without smoothing; accuracies are shares.
    """

    network: str
    checkpoint: str
    epoch: int
    data: str
    split: int
    images: int
    loss: float
    accuracy: float
    classes: list[ClassAccuracy]


class Probability(_Record):
    """A class and its probability, a share."""

    name: str
    probability: float


class Prediction(_Record):
    """The likeliest classes of one image, the likeliest first."""

    image: str
    classes: list[Probability]


class Predictions(_Record):
    """`archdsl predict --format json`."""

    network: str
    checkpoint: str
    epoch: int
    predictions: list[Prediction]
