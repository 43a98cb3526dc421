"""The JSON of the commands, as pydantic records that validate and parse it.

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
    """One line of the spec, or a side head, with the kind "side".

    Shapes are [C, H, W] or [C]; receptive field and stride are per axis.
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
    stride: list[int | float]  # a fraction if the map is larger than the input
    depth: int


class Memory(_Record):
    """Bytes at float32 and batch 1."""

    parameters: int
    forward_peak: int
    backward: int


class Side(_Record):
    """A side head: the weight of its loss, the shape of its logits, and its numbers."""

    name: str
    weight: float
    output: list[int]
    params: int
    macs: int


class Totals(_Record):
    """Totals of the main path; those of side heads are `side_params` and `side_macs`."""

    params: int
    trainable: int
    buffers: int
    macs: int
    flops: int
    side_params: int
    side_macs: int
    weight_layers: int
    receptive_field: list[int]
    misaligned: list[str]  # joins whose branches have different centres or strides
    memory: Memory


class Claim(_Record):
    """One printed figure and its verdict; `computed` is a number or a shape."""

    where: str
    quantity: str
    printed: str
    computed: int | list[int]
    verdict: Literal["holds", "erratum", "fails", "not judged"]
    how: Literal["exactly", "rounds", "truncates", "within one unit"] | None
    note: str | None


class Settled(_Record):
    """What a printed size settled in a line, as the line would write it: `pad 1`."""

    where: str
    what: str
    input: list[int]
    printed: str


class Decision(_Record):
    """What the text leaves open and archdsl decides.

    `line` is the number of the line of text, `where` the place in the network. A line in a block
    has one of each kind for each of the network's own lines that use the block. `instead` holds
    what can be written for another choice.
    """

    line: int
    where: str
    topic: str
    decided: str
    because: str
    instead: list[str]


class Summary(_Record):
    """`archdsl summary --format json`.

    `params_count` describes how printed params are counted, `without bias, K = 1024`; it is empty
    for the usual way.
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
    decisions: list[Decision]
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
    """A network under one reading; `changes` is empty for that of the text.

    `claims` counts the printed numbers that are not errata; `errata` lists the errata that hold.
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
    """A note of a diagnostic; its position is None if it does not refer to a text."""

    file: str | None
    line: int | None
    column: int | None
    end_line: int | None
    end_column: int | None
    message: str


class Diagnostic(Remark):
    """An error in `networks`; empty for an error of a whole file.

    Lines and columns count from 1, columns in characters; `end_column` is after the last one.
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
    """An attribute in which two layers, or two networks, differ."""

    name: str
    before: bool | int | float | str | list[int | float]
    after: bool | int | float | str | list[int | float]


class Place(_Record):
    """A layer of one of the networks; `row` is its line, shapes are [C, H, W] or [C]."""

    name: str
    row: str
    layer: str
    kind: str
    input: list[int]
    output: list[int]
    params: int
    macs: int


class Change(_Record):
    """A layer that only one network has, or two corresponding layers that differ."""

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
    """Totals of the main path and of the side heads."""

    params: Total
    macs: Total
    side_params: Total
    side_macs: Total


class Difference(_Record):
    """`archdsl diff --format json`. `settings`: input, output and side heads if they differ."""

    a: str
    b: str
    same: bool
    settings: list[Attribute]
    changes: list[Change]
    totals: DifferenceTotals


class Spelling(_Record):
    """Words for a layer kind, and the attributes that they set."""

    words: str
    sets: dict[str, bool | int | float | str]


class LayerAttribute(_Record):
    """How an attribute is written: `words` before a value, `units` after it, `flags` instead.

    `values` describes the possible values, `default` the one without it.
    """

    name: str
    words: list[str]
    units: list[str]
    flags: dict[str, bool | int | float | str]
    values: str
    default: str
    means: str


class LayerExample(_Record):
    """A line, its inputs [C, H, W] or [C], and its numbers on them."""

    text: str
    inputs: list[list[int]]
    output: list[int]
    params: int
    macs: int


class LayerKind(_Record):
    """A layer kind. `takes_size`, `takes_number` and `takes_suffix` name the attributes that a bare
    `3x3`, a bare `64` and the digits of `conv3` set; `listings` are its classes in torch.nn.
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


class LibraryBlock(_Record):
    """A block of the library: how it is used, the paper it is from, and its text."""

    name: str
    form: str
    paper: str
    text: str


class LayerKinds(_Record):
    """`archdsl layers --format json`; the blocks of the library only without a kind."""

    kinds: list[LayerKind]
    blocks: list[LibraryBlock] = []


class ClassAccuracy(_Record):
    """The test images of one class, and the share of them that is classified correctly."""

    name: str
    images: int
    accuracy: float


class EvaluatedRun(_Record):
    """One of the runs that are evaluated; accuracies are in 0 … 1."""

    network: str
    checkpoint: str
    epoch: int
    accuracy: float
    top5: float


class Evaluation(_Record):
    """`archdsl eval --format json`: a trained network on its test images.

    `loss` is the mean cross-entropy in nats, without smoothing; accuracies are in 0 … 1, and
    `interval` is the 95 % interval of the accuracy (Wilson). `view` is what the network sees of an
    image, `calibration` the expected calibration error in 15 bins; a row of `confusion` counts the
    answers to the images of one class. `reported` are the paper's figures.

    Of several `runs` the probabilities are averaged; `mean` is the mean of their own accuracies,
    and `mean_interval` its 95 % interval.
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
    view: str
    top5: float
    interval: list[float]
    calibration: float
    confusion: list[list[int]]
    reported: list[str]
    runs: list[EvaluatedRun]
    mean: float | None
    mean_interval: list[float] | None


class Probability(_Record):
    """A class and its probability, in 0 … 1."""

    name: str
    probability: float


class Prediction(_Record):
    """The most likely classes of one image, most likely first."""

    image: str
    classes: list[Probability]


class Predictions(_Record):
    """`archdsl predict --format json`."""

    network: str
    checkpoint: str
    epoch: int
    predictions: list[Prediction]


class RunFigures(_Record):
    """One run. `accuracy` is the test accuracy of the weights that are kept, 0 … 1, None before the
    first epoch; `seconds` the time of training alone."""

    folder: str
    seed: int
    epochs: int
    finished: bool
    accuracy: float | None
    seconds: float


class Trial(_Record):
    """Runs that differ in their seeds alone.

    `settings` are those in which the trials of the network differ. `accuracy` is the mean over the
    finished runs, None without any, `half_width` half of its 95 % interval, None for fewer than
    two.
    """

    network: str
    params: int
    data: str
    settings: dict[str, str]
    accuracy: float | None
    half_width: float | None
    runs: list[RunFigures]


class Trials(_Record):
    """`archdsl runs --format json` and `archdsl sweep --format json`."""

    trials: list[Trial]
