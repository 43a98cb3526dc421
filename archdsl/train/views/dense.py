"""Dense evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

from archdsl.errors import ArchError
from archdsl.train.settings import Forms, Words
from archdsl.train.views.base import Size, View

if TYPE_CHECKING:
    from torch import Tensor, nn

_ONE_SIDED = Words(("without flip", "not mirrored"), replace=True)


class Dense(View):
    """The network over the whole image, its fully connected layers as convolutions; the class
    scores are averaged over the positions, the probabilities over the image and its mirror image
    (Simonyan & Zisserman 2014, §3.2), at 8/7 of the input."""

    forms: ClassVar[Forms] = ("dense", "fully convolutional")

    one_sided: Annotated[bool, _ONE_SIDED] = False

    def sides(self, size: Size) -> tuple[int, ...]:
        return self.scales or (round(min(size) * 256 / 224),)

    def probabilities(
        self, module: nn.Module, images: Tensor, size: Size, as_inputs: Callable[[Tensor], Tensor]
    ) -> Tensor:
        import torch

        from archdsl.train.views.convolutional import fully_convolutional
        from archdsl.train.views.scaling import at_scales, center

        if as_inputs(images[:1]).dim() != 4:
            raise ArchError(
                "the network does not take images, so it cannot be evaluated densely",
                help="evaluate `center crop`",
            )
        scaled = list(at_scales(images, self.sides(size), size))
        whole = fully_convolutional(module, as_inputs(center(scaled[0][:1], size)))
        seen = []
        for some in scaled:
            for side in (some,) if self.one_sided else (some, some.flip(-1)):
                scores = whole(as_inputs(side))
                scores = scores[0] if isinstance(scores, tuple) else scores
                seen.append(scores.flatten(2).mean(2).softmax(1))
        return torch.stack(seen).mean(0)
