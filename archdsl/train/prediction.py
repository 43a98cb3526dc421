"""The classes that a trained network predicts for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from archdsl.output.records import Prediction, Predictions, Probability
from archdsl.train import read_image
from archdsl.train.checkpoint import trained
from archdsl.train.data.fit import as_inputs, image_shape, resized
from archdsl.train.device import reproducible
from archdsl.train.not_finite import NotFinite, describe, first_fault


@torch.no_grad()
def predict(
    run: str | Path, images: Sequence[str | Path], top: int = 5, device: str | None = None
) -> Predictions:
    """The `top` most likely classes of each picture, by the folder or checkpoint of a run.

    A picture is converted to what the training images are: grey or RGB, resized to the input, in
    0 … 1. Raises ArchError if the run or a picture is missing or damaged.
    """
    saved, network, module, where, normaliser = trained(run, device)
    data = saved.record.recipe.data
    names = saved.record.data.classes
    channels, height, width = image_shape(network.input, str(data))
    predictions = []
    with reproducible(0, where):
        for path in images:
            x = read_image.read_image(Path(path), channels)[None]
            x = resized(x, (height, width), data.kind.whole).to(where)
            x = as_inputs(normaliser.apply(x), network.input, str(data))
            probabilities = module(x)[0].softmax(0)
            if not probabilities.isfinite().all():
                fault = describe(first_fault(module, x))
                raise NotFinite(f"{saved.path} does not compute finite numbers for {path}; {fault}")
            values, classes = probabilities.topk(min(top, len(names)))
            likely = [
                Probability(name=names[c], probability=p)
                for c, p in zip(classes.tolist(), values.tolist(), strict=True)
            ]
            predictions.append(Prediction(image=str(path), classes=likely))
    return Predictions(
        network=network.name,
        checkpoint=str(saved.path),
        epoch=len(saved.record.epochs),
        predictions=predictions,
    )
