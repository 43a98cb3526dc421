"""The base class of convolutions and transposed convolutions."""

from archdsl.layers.base import Layer, attribute
from archdsl.layers.checks import check_inputs, count, flag, lengths
from archdsl.layers.terms import Kept, LayerError, Misfit, Shape, Values, times


class Filters(Layer):
    """`width` learned filters of `kernel` positions; each of the `groups` has its own channels.

    A kernel may have more numbers than the map has axes: 3x3x3x32 also gives 3 input channels and
    a width of 32.
    """

    takes_size = "kernel"
    takes_number = "width"
    takes_suffix = "kernel"
    weighs = True
    colour = "blue"
    keeps = Kept(input=True)

    width: int = attribute(
        "width",
        "out channels",
        "output channel",
        "output channels",
        units=("filters", "filter", "channels", "kernels", "kernel", "maps", "feature maps"),
        check=count,
    )
    kernel: tuple[int, ...] = attribute(
        "kernel", "kernel size", "filter size", "size", "k", check=lengths
    )
    stride: tuple[int, ...] = attribute(
        "stride", "s", units=("stride",), check=lengths, default=(1,)
    )
    inputs: int | None = attribute(
        "in channels",
        "input channel",
        "input channels",
        check=count,
        default=None,
        means="the input channels, in all or of a group: only checked",
    )
    dilation: tuple[int, ...] = attribute(
        "dilation",
        check=lengths,
        default=(1,),
        means="the distance between the positions of a kernel",
    )
    groups: int = attribute(
        "groups",
        "group",
        "cardinality",
        "C",
        units=("groups",),
        check=count,
        default=1,
        means="each reads its own channels",
    )
    bias: bool = attribute("bias", check=flag, flags={"no bias": False, "bias": True}, default=True)

    def check_groups(self, values: Values, x: Shape) -> None:
        """Raises Misfit if the groups do not divide the channels, or the text states others."""
        for what, channels in (("input", x[0]), ("output", self.width)):
            if channels % self.groups:
                raise Misfit(
                    f"{self.groups} groups do not divide {channels} {what} channels",
                    "the groups must divide both the input channels and the width",
                )
        check_inputs(values.get("inputs"), x[0], "channels", self.groups)


def unfolded(values: Values, x: Shape) -> Values:
    """The attributes with input channels and width split from the kernel, which may include both.

    On a map of two axes, the kernel 3x3x16x32 becomes kernel 3x3, inputs 16 and width 32; 16x3x3,
    with 16 channels, becomes kernel 3x3 and inputs 16. Raises LayerError for a repeated value.
    """
    kernel, rank = values.get("kernel"), len(x) - 1
    if not isinstance(kernel, tuple) or not rank < len(kernel) <= rank + 2:
        return values
    if rank == 1 and len(kernel) == 2 and kernel[1] == 1:
        return values  # 80x1 on a signal
    if len(kernel) == rank + 1 and kernel[0] == x[0] != kernel[-1] and len(set(kernel[1:])) == 1:
        kernel = (*kernel[1:], kernel[0])  # `4 kernels (3,5,5)`, as torch orders them
    elif len(kernel) == rank + 2 and kernel[1] == x[0] and len({*kernel[:rank]}) > 1:
        raise LayerError(
            f"is {times(kernel)} in the order of torch's weights?",
            f"on a map of {rank} axes, write kernel x input channels x width",
        )
    more = dict(zip(("inputs", "width"), kernel[rank:], strict=False))
    for name in more:
        if name in values:
            what = "the width is" if name == "width" else "the input channels are"
            raise LayerError(
                f"{what} given twice, once in {times(kernel)}",
                f"on a map of {rank} axes, {times(kernel)} is kernel x input channels x width",
            )
    return {**values, **more, "kernel": kernel[:rank]}
