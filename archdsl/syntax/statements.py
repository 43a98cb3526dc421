"""The statements of the language, each with an example of how it is written."""

from __future__ import annotations

FORMS = {
    "network": 'network vgg16 "a title"',
    "paper": 'paper "Simonyan & Zisserman 2015" arXiv:1409.1556 "Table 1"',
    "let": "let n = (depth - 4) // 6",
    "reading": "reading s = 2 or 1",
    "padding": "padding same, or padding valid",
    "stride": "stride on first, or stride on 3x3",
    "shortcut": "shortcut B",
    "use": 'use "blocks.arch"',
    "sizes": "sizes decide stride, padding",
    "params": "params count K = 1024, no bias",
    "with": "with bn",
    "output": "output p5, p4, p3",
    "means": "conv means conv-bn-relu",
    "block": "block residual { add { shortcut; body } }",
    "expect": "expect params 138M, weight layers 16",
    "reported": 'reported top1 27.0 "single scale 256"',
    "train": "train on digits { optimizer adam lr 0.002; epochs 20 }",
    "=>": "conv1: conv 7x7/2 64   => 112x112x64, params 9,472",
}
