"""Texts with a second, plausible reading: each gives the graph of a text that spells it out.

Parameters and multiply-adds cannot tell such readings apart, so graphs are compared, layer by
layer. `;` separates lines. A text without an input begins with that of a map of 56x56x64, and one
without a fully connected layer ends with one, so that no layer of the text is the output layer.
"""

from __future__ import annotations

import pytest

import archdsl

BN_RELU = "conv means conv-bn-relu; "
RESIDUAL = "[] means residual; "
BARE_GATE = "multiply { identity; [ gap; conv1-4 bare -> relu; conv1-64 bare -> sigmoid ] }"


GATE = BARE_GATE.replace(" bare", "")


def load(text: str) -> archdsl.Network:
    lines = [line.strip() for line in _split(text)]
    if not any(line.startswith("input") for line in lines):
        blocks = [line for line in lines if line.startswith("block")]
        lines = [*blocks, "network n", "input 56x56x64", *(s for s in lines if s not in blocks)]
    if not any("fc" in line.lower() or line.startswith(("output", "END")) for line in lines):
        lines.append("FC-2")
    return archdsl.loads("\n".join(line for line in lines if line != "END"))


def _split(text: str) -> list[str]:
    """The lines of a text: `;` within brackets does not end one."""
    lines, depth = [""], 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        if sign == ";" and not depth:
            lines.append("")
        else:
            lines[-1] += sign
    return lines


def residual(body: str, width: int = 64, times: int = 1, shortcut: str = "identity") -> str:
    """Residual units with the activation after the sum."""
    first = f"add {{ {shortcut}; [ {body} ] }} -> relu"
    return "; ".join([first, *[f"add {{ identity; [ {body} ] }} -> relu"] * (times - 1)])


CBR = "conv3-64 no bias -> bn -> relu"
CB = "conv3-64 no bias -> bn"
PROJECTION = "conv1-64 no bias -> bn"
SAME = [
    # The activation of a residual block follows the sum, whatever stands between: a gate, a factor,
    # a dropout, stochastic depth (Hu et al. 2018, Figure 3).
    (BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64; squeeze_excitation] x 2",
     residual(f"{CBR}; {CB}; {GATE}", times=2)),
    (BN_RELU + RESIDUAL + f"[3x3, 64; 3x3, 64; {BARE_GATE}] x 2",
     residual(f"{CBR}; {CB}; {GATE}", times=2)),
    (BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64 -> squeeze_excitation] x 2",
     residual(f"{CBR}; {CB}; {GATE}", times=2)),
    (BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64; scale 0.1] x 2",
     residual(f"{CBR}; {CB}; scale 0.1", times=2)),
    (BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64; squeeze_excitation; stochastic depth 0.2]",
     residual(f"{CBR}; {CB}; {GATE}; stochastic depth 0.2")),
    (BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64; dropout(0.3)]",
     residual(f"{CBR}; {CB}; dropout(0.3)")),
    ("block gate { " + BARE_GATE + " }; " + BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64; gate]",
     residual(f"{CBR}; {CB}; {GATE}")),
    # All repetitions have the same kind of sum, with a projection or without.
    (BN_RELU + RESIDUAL + "input 56x56x32; [3x3, 64; 3x3, 64; squeeze_excitation] x 2; FC-2",
     "input 56x56x32; " + residual(f"{CBR}; {CB}; {GATE}", times=2,
                                   shortcut="conv1-64 no bias -> bn") + "; FC-2"),
    (BN_RELU + RESIDUAL + "input 56x56x32; [3x3, 64; conv3-64 no activation] x 2; FC-2",
     "input 56x56x32; " + residual(f"{CBR}; {CB}", times=2, shortcut="conv1-64 no bias -> bn")
     .replace(" -> relu; add", "; add").removesuffix(" -> relu") + "; FC-2"),
    (BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64] x 2, stride 2",
     "add { conv1-64 stride 2 no bias -> bn; [ " + CBR.replace("64", "64 stride 2") + "; "
     + CB + " ] } -> relu; " + residual(f"{CBR}; {CB}")),
    # A word for the activation before the sum, in Darknet-53 and CSPNet, and for it after one.
    ("conv means conv-bn-leaky relu; activation before add; " + RESIDUAL + "[1x1, 32; 3x3, 64] x 2",
     "; ".join(["add { identity; [ conv1-32 no bias -> bn -> leaky relu; conv3-64 no bias -> bn ->"
                " leaky relu ] }"] * 2)),
    (BN_RELU + "activation before add; residual [ conv3-64 ]", "add { identity; " + CBR + " }"),
    (BN_RELU + "activation after add; add { identity; conv3-64 }",
     "add { identity; " + CB + " } -> relu"),
    (BN_RELU + "add { identity; conv3-64 }, activation after",
     "add { identity; " + CB + " } -> relu"),
    (BN_RELU + "activation after add; add { identity; conv3-64 }, activation before",
     "add { identity; " + CBR + " }"),
    (BN_RELU + "activation after add; c1: conv3-64; conv3-64; add c1",
     "c1: " + CBR + "; " + CB + " -> add c1 -> relu"),
    # A sum that the text writes out moves nothing: its branches mean what they say.
    ("conv means conv-bn-silu; block fused(c) { add { identity; conv3-(c) } }; fused(64)",
     "add { identity; conv3-64 no bias -> bn -> silu }"),
    (BN_RELU + "add { conv3-64; conv1-64 }",
     "add { " + CBR + "; conv1-64 no bias -> bn -> relu }"),
    (BN_RELU + "add { identity; [ conv3-64; conv3-64 ] }", "add { identity; [ " + CBR + "; " + CBR
     + " ] }"),
    (BN_RELU + "add { identity; conv3-64 -> scale 0.1 }", "add { identity; " + CBR
     + " -> scale 0.1 }"),
    ("conv means conv-relu; c1: conv3-64; conv3-64; conv3-64; add c1",
     "c1: conv3-64 -> relu; conv3-64 -> relu; conv3-64 -> relu -> add c1"),
    ("conv means conv-relu; c1: conv3-64; add { c1; [conv3-64; conv3-64] }",
     "conv means conv-relu; c1: conv3-64; conv3-64; conv3-64; add c1"),
    # What a line writes replaces the companion of its role.
    (BN_RELU + "conv3-8-silu", "conv3-8 no bias -> bn -> silu"),
    (BN_RELU + "conv3-8, silu", "conv3-8 no bias -> bn -> silu"),
    (BN_RELU + "conv3-8-bn-silu", "conv3-8 no bias -> bn -> silu"),
    (BN_RELU + "Conv3-64-LN", "conv3-64 -> ln -> relu"),
    (BN_RELU + "conv3-64-gn-hswish", "conv3-64 -> gn -> hswish"),
    (BN_RELU + "3x3, 8, tanh", "conv3-8 no bias -> bn -> tanh"),
    (BN_RELU + "[ conv3-8-elu ] x 2", "conv3-8 no bias -> bn -> elu; conv3-8 no bias -> bn -> elu"),
    (BN_RELU + "conv3-8 -> silu", "conv3-8 no bias -> bn -> relu; silu"),
    (BN_RELU + "conv3-8; silu", "conv3-8 no bias -> bn -> relu; silu"),
    # A norm that the line writes in its place takes over the bias like that of the convention.
    ("conv means conv-relu-bn; conv3-8, bn", "conv3-8 no bias -> relu -> bn"),
    ("conv means conv-relu-bn; conv3-8 -> bn", "conv3-8 no bias -> relu -> bn"),
    ("conv means conv-relu-bn; conv3-8 -> relu -> bn", "conv3-8 no bias -> relu -> bn"),
    ("conv means conv-relu-bn; 3x3 dw conv, bn", "3x3 dw conv no bias -> relu -> bn"),
    ("conv means conv-elu-bn; conv3-8 -> bn -> dropout", "conv3-8 no bias -> elu -> bn -> dropout"),
    ("conv means conv-relu-bn; conv3-8, ln", "conv3-8 bias -> relu -> ln"),
    # The norm of the line's own phrase is the convention's; one further on is a second norm.
    (BN_RELU + "conv3-8, gn 2 -> bn", "conv3-8 -> gn 2 -> relu -> bn"),
    (BN_RELU + "conv3-8, ln -> bn", "conv3-8 -> ln -> relu -> bn"),
    (BN_RELU + "conv3-8, instance norm -> bn", "conv3-8 -> instance norm -> relu -> bn"),
    (BN_RELU + "conv3-8, gn 2, silu -> bn", "conv3-8 -> gn 2 -> silu -> bn"),
    (BN_RELU + "conv3-8, silu -> relu", "conv3-8 no bias -> bn -> silu -> relu"),
    (BN_RELU + "conv3-8, bn -> bn", "conv3-8 no bias -> bn -> relu -> bn"),
    ("fc means fc-relu; gap; FC-8, tanh; FC-2", "gap; FC-8; tanh; FC-2"),
    (BN_RELU + "multiply { identity; [ global average pool; conv1-4; conv1-64, sigmoid ] }",
     "multiply { identity; [ gap; conv1-4 no bias -> bn -> relu; conv1-64 no bias -> bn -> "
     "sigmoid ] }"),
    # An activation before the weights and one after them are two.
    ("conv means relu-conv-bn; conv3-4 -> relu", "relu; conv3-4 no bias; bn; relu"),
    ("conv means bn-relu-conv; conv3-4 -> relu", "bn; relu; conv3-4 no bias; relu"),
    ("conv means relu-conv; conv3-4 -> relu -> conv3-4", "relu; conv3-4; relu; relu; conv3-4"),
    # What follows a repeated layer belongs to its last repetition.
    ("conv means relu-conv; conv3-4 x2 -> relu -> conv3-4",
     "relu; conv3-4; relu; conv3-4; relu; relu; conv3-4"),
    ("conv means relu-conv; conv3-4 -> relu -> conv3-4", "relu; conv3-4; relu; relu; conv3-4"),
    (BN_RELU + "conv3-4 x2 -> relu -> conv3-4", "; ".join(["conv3-4 no bias -> bn -> relu"] * 3)),
    (BN_RELU + "conv3-4 x2 -> silu -> conv3-4",
     "; ".join(["conv3-4 no bias -> bn -> relu"] * 2) + "; silu; conv3-4 no bias -> bn -> relu"),
    (BN_RELU + "conv3-4 x3 -> relu", "; ".join(["conv3-4 no bias -> bn -> relu"] * 3)),
    ("conv means bn-relu-conv; bn -> relu -> conv3-4 x2",
     "bn; relu; conv3-4 no bias; bn; relu; conv3-4 no bias"),
    # `[]` has its meaning in the file's own blocks, but a branch of a join is a group.
    ("block branch(w) { [3x3, (w); 3x3, (w)] x 4 }; " + BN_RELU + RESIDUAL + "branch(64)",
     BN_RELU + RESIDUAL + "[3x3, 64; 3x3, 64] x 4"),
    ("block stage(w) { conv3-(w); [3x3, (w); 3x3, (w)] }; " + RESIDUAL + "stage(64)",
     RESIDUAL + "conv3-64; [3x3, 64; 3x3, 64]"),
    ("block outer(w) { inner(w) }; block inner(w) { [1x1, (w)] x 2 }; " + RESIDUAL + "outer(64)",
     RESIDUAL + "[1x1, 64] x 2"),
    ("block mine { add { identity; [conv1-(in)]; body } }; [] means mine; [conv3-64]",
     "add { identity; conv1-64; conv3-64 }"),
    (RESIDUAL + "add { identity; [3x3, 64; 3x3, 64] }", "add { identity; {conv3-64; conv3-64} }"),
    (RESIDUAL + "concat { [3x3, 64; 3x3, 64]; [1x1, 64] }",
     "concat { {conv3-64; conv3-64}; conv1-64 }"),
    (RESIDUAL + "multiply { [3x3, 64] x 2; identity }",
     "multiply { {conv3-64; conv3-64}; identity }"),
    (RESIDUAL + "add { identity; conv1-64 -> [3x3, 64] }",
     "add { identity; { conv1-64; residual [conv3-64] } }"),
    # The stride after brackets around a block is the block's.
    *(("input 112x112x16; conv means conv-bn-relu6; " + text,
       "input 112x112x16; conv means conv-bn-relu6; bottleneck(6, 24) x 2, stride 2")
      for text in ("[ bottleneck(6, 24) ] x 2, stride 2", "{ bottleneck(6, 24) } x 2, stride 2",
                   "[ [ bottleneck(6, 24) ] ] x 2, stride 2", "[ bottleneck(6, 24) x 2 ], stride 2",
                   "[ bottleneck 6, 24 ] x 2, stride 2")),
    ("block b(c, s=1) { conv1-(c); conv 3x3 (c) stride (s) }; [ b(8) ] x 2, stride 2",
     "conv1-8; conv3-8 stride 2; conv1-8; conv3-8"),
    # The last weight layer stays bare, whatever weightless layers follow it.
    *((BN_RELU + text + "; END", plain + "; END") for text, plain in [
        ("conv3-8; conv1-1 -> sigmoid", CBR.replace("64", "8") + "; conv1-1; sigmoid"),
        ("conv3-8; conv7-3; tanh", CBR.replace("64", "8") + "; conv7-3; tanh"),
        ("conv1-21; upsample 8 bilinear", "conv1-21; upsample 8 bilinear"),
        ("conv1-12; pixel shuffle 2", "conv1-12; pixel shuffle 2"),
        ("conv1-12; flatten; softmax", "conv1-12; flatten; softmax"),
        ("conv1-12 -> upsample 2; sigmoid", "conv1-12; upsample 2; sigmoid"),
        ("[ conv3-8; conv1-12 ]; pixel shuffle 2; tanh",
         CBR.replace("64", "8") + "; conv1-12; pixel shuffle 2; tanh"),
        ("conv3-8; side { gap; conv1-3, sigmoid }; conv1-2; sigmoid",
         CBR.replace("64", "8") + "; side { gap; conv1-3; sigmoid }; conv1-2; sigmoid"),
    ]),
    (BN_RELU + "gap; fc 1, sigmoid", "gap; fc 1; sigmoid"),
    ("conv means bn-relu-conv; gap; bn -> conv1-4; END", "gap; bn; conv1-4; END"),
    # Not where its value is read again.
    (BN_RELU + "a: conv3-4; b: conv3-5; output a, b",
     "a: conv3-4 no bias -> bn -> relu; b: conv3-5; output a, b"),
    (BN_RELU + "a: conv3-4; conv3-5; b: tanh; output a, b",
     "a: conv3-4 no bias -> bn -> relu; conv3-5; b: tanh; output a, b"),
    (BN_RELU + "c: conv3-4; a: conv3-4; c -> conv3-5; b: tanh; output a, b",
     "c: conv3-4 no bias -> bn -> relu; a: conv3-4; c -> conv3-5; b: tanh; output a, b"),
    (BN_RELU + "a: conv3-4; tanh; concat a; END",
     "a: conv3-4 no bias -> bn -> relu; tanh; concat a; END"),
    # Three numbers of an input with the channels first.
    *((f"input {channels}x{size}; conv 3x3, 8", f"input {size}, {channels} channels; conv 3x3, 8")
      for channels, size in [(3, "32x100"), (3, "66x200"), (1, "32x100"), (1, "64x48"),
                             (3, "480x640"), (3, "7x9")]),
    ("input 3x32x1; conv 3x3, 8", "input 3x32, 1 channel; conv 3x3, 8"),
    ("input 5x6x3; conv 3x3, 8", "input 5x6, 3 channels; conv 3x3, 8"),
    # A kernel of a clip is 3 and 3x3x3.
    *(("input 16x16x16x3 clip; " + rule + "; " + line,
       "input 16x16x16x3 clip; " + line + " no bias; bn")
      for rule, line in [("1x1 conv means conv-bn", "conv1-4"),
                         ("1x1 conv means conv-bn", "conv 1x1x1 4"),
                         ("3x3 conv means conv-bn", "conv3-4"),
                         ("3x3 conv means conv-bn", "conv 3x3x3 4"),
                         ("3x3x3 conv means conv-bn", "conv3-4"),
                         ("conv3 means conv-bn", "conv 3x3x3 4")]),
    # What a chain writes stays where it is written, and the rest of the convention keeps its order.
    ("conv means bn-relu6-conv; relu6 -> conv5-6", "relu6 -> bn -> conv5-6 no bias"),
    ("conv means bn-relu6-conv; relu6, conv5-6", "bn -> relu6 -> conv5-6 no bias"),
    ("conv means bn-relu6-conv; bn -> conv5-6", "bn -> relu6 -> conv5-6 no bias"),
    ("conv means bn-relu6-conv; gelu -> conv5-6", "gelu -> bn -> relu6 -> conv5-6 no bias"),
    ("conv means bn-relu-conv; relu -> gelu -> conv5-6", "relu -> gelu -> bn -> conv5-6 no bias"),
    ("conv means bn-relu-dropout-conv; dropout(0.2) -> conv3-8",
     "dropout(0.2) -> bn -> relu -> conv3-8 no bias"),
    ("conv means bn-relu-dropout-conv; dropout(0.2), conv3-8",
     "bn -> relu -> dropout(0.2) -> conv3-8 no bias"),
    ("conv means bn-relu-conv; relu -> conv3-8 x 2",
     "relu -> bn -> conv3-8 no bias -> bn -> relu -> conv3-8 no bias"),
    ("conv means bn-relu-conv; relu -> [ conv3-8 ]", "relu -> bn -> relu -> conv3-8 no bias"),
    ("conv means conv-bn-relu; conv3-8 -> bn", "conv3-8 no bias -> bn -> relu"),
    ("conv means conv-bn-relu; [ conv3-8 ] -> bn", "conv3-8 no bias -> bn -> relu -> bn"),
    ("conv means conv-bn-relu; conv3-8 x 2 -> bn",
     "conv3-8 no bias -> bn -> relu -> conv3-8 no bias -> bn -> relu"),
    ("conv means conv-bn-relu; { conv3-8 } x 2 -> bn",
     "conv3-8 no bias -> bn -> relu -> conv3-8 no bias -> bn -> relu -> bn"),
]  # fmt: skip


MORE = [
    # All repetitions have the same kind of sum, whatever the shortcut of the first is.
    (
        BN_RELU
        + RESIDUAL
        + "input 56x56x32; [1x1, 16; 3x3, 16; 1x1, 64; squeeze_excitation] x 3; FC-2",
        "input 56x56x32; "
        + residual(
            "conv1-16 no bias -> bn -> relu; conv3-16 no bias -> bn -> relu; "
            + f"conv1-64 no bias -> bn; {GATE}",
            times=3,
            shortcut=PROJECTION,
        )
        + "; FC-2",
    ),
    (
        BN_RELU + RESIDUAL + "input 56x56x32; [3x3, 64; 3x3, 64; scale 0.1] x 2; FC-2",
        "input 56x56x32; "
        + residual(f"{CBR}; {CB}; scale 0.1", times=2, shortcut=PROJECTION)
        + "; FC-2",
    ),
    (
        BN_RELU + RESIDUAL + "input 56x56x32; [3x3, 64; 3x3, 64; dropout(0.3)] x 2, stride 2; FC-2",
        "input 56x56x32; "
        + residual(
            f"{CBR}; {CB}; dropout(0.3)", times=2, shortcut="conv1-64 stride 2 no bias -> bn"
        ).replace("conv3-64 no bias -> bn -> relu", "conv3-64 stride 2 no bias -> bn -> relu", 1)
        + "; FC-2",
    ),
    (
        BN_RELU
        + RESIDUAL
        + "shortcut A; input 56x56x32; [3x3, 64; 3x3, 64; squeeze_excitation] x 2; FC-2",
        "input 56x56x32; "
        + residual(f"{CBR}; {CB}; {GATE}", times=2, shortcut="channel padding 64")
        + "; FC-2",
    ),
    (
        BN_RELU
        + "activation before add; "
        + RESIDUAL
        + "input 56x56x32; [3x3, 64; 3x3, 64] x 2; FC-2",
        "input 56x56x32; add { "
        + PROJECTION
        + "; [ "
        + CBR
        + "; "
        + CBR
        + " ] }; add { identity; [ "
        + CBR
        + "; "
        + CBR
        + " ] }; FC-2",
    ),
    # A sum that the text writes out, in a block or repeated.
    (
        "conv means conv-bn-silu; fused(64); "
        "block fused(c) { add { identity; [ conv3-(c); conv1-(c) ] } }",
        "add { identity; [ conv3-64 no bias -> bn -> silu; conv1-64 no bias -> bn -> silu ] }",
    ),
    (
        "conv means conv-bn-silu; add { identity; conv3-64 } x 2",
        "add { identity; conv3-64 no bias -> bn -> silu }; add { identity; "
        "conv3-64 no bias -> bn -> silu }",
    ),
    (
        "conv means conv-bn-hswish; block f { add { identity; conv3-64 -> "
        "squeeze_excitation } }; f",
        "add { identity; [ conv3-64 no bias -> bn -> hswish; " + GATE + " ] }",
    ),
    # The activation of a gate's last layer is the written one alone.
    (
        BN_RELU + "multiply { identity; [ gap; conv1-64, hard sigmoid ] }",
        "multiply { identity; [ gap; conv1-64 no bias -> bn -> hard sigmoid ] }",
    ),
    (
        BN_RELU + "multiply { identity; [ conv1-1, sigmoid ] }",
        "multiply { identity; [ conv1-1 no bias -> bn -> sigmoid ] }",
    ),
    (
        BN_RELU + "multiply { identity; conv7-1-sigmoid }",
        "multiply { identity; conv7-1 no bias -> bn -> sigmoid }",
    ),
    (
        BN_RELU + "block gate(r) { multiply { identity; [ gap; conv1-(in // r); "
        "conv1-(in), sigmoid ] } }; gate(16)",
        "multiply { identity; [ gap; conv1-4 no bias -> bn -> relu; conv1-64 no bias -> bn -> "
        "sigmoid ] }",
    ),
    (
        BN_RELU + "multiply { conv3-64, tanh; conv3-64, sigmoid }",
        "multiply { conv3-64 no bias -> bn -> tanh; conv3-64 no bias -> bn -> sigmoid }",
    ),
    (
        "fc means fc-relu; " + "multiply { identity; [ gap; fc 4; fc 64, sigmoid ] }",
        "multiply { identity; [ gap; fc 4 -> relu; fc 64; sigmoid ] }",
    ),
    # `[]` has its meaning in every block of the file.
    (
        "block pair(w, n) { [3x3, (w)] x (n) }; " + BN_RELU + RESIDUAL + "pair(64, 3)",
        BN_RELU + RESIDUAL + "[3x3, 64] x 3",
    ),
    (
        "block down(w) { [3x3, (w); 3x3, (w)], stride 2 }; " + RESIDUAL + "down(128)",
        RESIDUAL + "[3x3, 128; 3x3, 128], stride 2",
    ),
    (
        "block two { concat { [ [1x1, 64] ]; identity } }; " + RESIDUAL + "two",
        "concat { residual [conv1-64]; identity }",
    ),
    # A bracket that is a branch is a group, in blocks and repeated sums too.
    (RESIDUAL + "add { [3x3, 64]; [1x1, 64] }", "add { conv3-64; conv1-64 }"),
    (
        RESIDUAL + "block b { add { identity; [3x3, 64; 3x3, 64] } }; b",
        "add { identity; { conv3-64; conv3-64 } }",
    ),
    (
        BN_RELU + RESIDUAL + "add { identity; [3x3, 64; 3x3, 64] } x 2",
        "; ".join(["add { identity; { " + CBR + "; " + CBR + " } }"] * 2),
    ),
    # A sum with a labelled value moves nothing.
    (
        "conv means conv-relu; c1: conv3-64; add { c1; conv3-64 }",
        "c1: conv3-64 -> relu; add { c1; [conv3-64; relu] }",
    ),
    (
        "conv means conv-bn; c1: conv3-64; conv3-64; conv3-64; add c1",
        "c1: conv3-64 no bias -> bn; conv3-64 no bias -> bn; conv3-64 no bias -> bn; add c1",
    ),
    (
        "conv means conv-relu; c1: conv3-64; c2: conv3-64; conv3-64; add c1, c2",
        "c1: conv3-64 -> relu; c2: conv3-64 -> relu; conv3-64 -> relu; add c1, c2",
    ),
    (
        "conv means conv-relu; c1: conv3-64; conv3-64 -> conv3-64 -> add c1",
        "c1: conv3-64 -> relu; conv3-64 -> relu; conv3-64 -> relu; add c1",
    ),
    # A value that another line or the output reads keeps its companions.
    (
        BN_RELU + "a: conv3-4; b: conv3-5; c: conv3-6; output a, b, c",
        "a: conv3-4 no bias -> bn -> relu; b: conv3-5 no bias -> bn -> relu; c: conv3-6; "
        "output a, b, c",
    ),
    (
        BN_RELU + "a: conv3-4; conv3-5; b: conv3-4; add a; END",
        "a: conv3-4 no bias -> bn -> relu; conv3-5 no bias -> bn -> relu; "
        "b: conv3-4 no bias -> bn -> relu; add a; END",
    ),
    (
        BN_RELU + "c: conv3-4; a: conv3-4; b: c -> conv3-5; output a, b",
        "c: conv3-4 no bias -> bn -> relu; a: conv3-4; b: c -> conv3-5; output a, b",
    ),
    # An activation of the same phrase replaces the convention's, also one before the weights.
    ("conv means relu-conv; conv3-4, relu", "conv3-4; relu"),
    ("conv means bn-silu-conv; conv3-4 -> silu", "bn; silu; conv3-4 no bias; silu"),
    ("conv means relu-conv-bn; conv3-4; relu", "relu; conv3-4 no bias; bn; relu"),
]


@pytest.mark.parametrize(("text", "plain"), [*SAME, *MORE])
def test_a_text_has_one_reading(text: str, plain: str):
    found = load(text).diff(load(plain))
    assert found.same, found


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("c1: conv3-64; c2: conv3-64; add c1, c2", "`c2` is already", "add c1"),
        ("c1: conv3-64; c2: conv3-64; concat c1, c2", "`c2` is already", "concat { c1; c2 }"),
        ("a: conv3-4; add a", "`a` is already", "add { a; a }"),
        ("c1: conv3-64; c2: conv3-64; multiply c2, c1", "`c2` is already", "multiply c1"),
        ("[ a: conv3-64; add a ]", "`a` is already", "add { a; a }"),
        ("conv3-4 -> m: conv3-4 -> concat m", "`m` is already", "concat { m; m }"),
    ],
)
def test_a_join_with_the_current_value_is_an_error(text: str, message: str, help: str):
    with pytest.raises(archdsl.ArchError, match=message) as caught:
        load(text)
    assert help in str(caught.value)
