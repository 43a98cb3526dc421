"""The JSON that the commands print, as records that check and read it.

>>> import archdsl
>>> from archdsl.contract import Summary
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


class Summary(_Record):
    """`archdsl summary --format json`."""

    network: str
    title: str
    paper: str | None
    input: list[int]
    outputs: list[list[int]]
    sides: list[Side]
    rows: list[Row]
    totals: Totals
    claims: list[Claim]


class NetworkClaims(_Record):
    network: str
    claims: list[Claim]


class Verification(_Record):
    """`archdsl verify --format json`."""

    networks: list[NetworkClaims]


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
