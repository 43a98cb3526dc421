"""Specs that several tests read."""

from __future__ import annotations

GOOGLENET = """
network googlenet
block inception(c1, r3, c3, r5, c5, proj) {
  concat {
    conv1-c1
    conv1-r3 -> conv3-c3
    conv1-r5 -> conv5-c5
    maxpool 3x3/1 -> conv1-proj
  }
}
input 224x224 RGB
conv means conv-relu
sizes decide padding
params count K = 1024, no bias

conv 7x7/2 64   => 112x112x64
max pool 3x3/2  => 56x56x64, depth 0
LRN
conv1-64 -> conv3-192  => 56x56x192, params 112K, ops 360M, depth 2
LRN
max pool 3x3/2  => 28x28x192
inception(64, 96, 128, 16, 32, 32)      => 28x28x256, params 159K, ops 128M, depth 2
inception(128, 128, 192, 32, 96, 64)    => 28x28x480, params 380K, ops 304M, depth 2
max pool 3x3/2  => 14x14x480
inception(192, 96, 208, 16, 48, 64)     => 14x14x512, ops 73M
inception(160, 112, 224, 24, 64, 64)    => 14x14x512, params 437K, ops 88M
inception(128, 128, 256, 24, 64, 64)    => 14x14x512, ops 100M
inception(112, 144, 288, 32, 64, 64)    => 14x14x528, ops 119M
inception(256, 160, 320, 32, 128, 128)  => 14x14x832, ops 170M
max pool 3x3/2  => 7x7x832
inception(256, 160, 320, 32, 128, 128)  => 7x7x832
inception(384, 192, 384, 48, 128, 128)  => 7x7x1024, ops 71M
avg pool 7x7/1  => 1x1x1024
dropout (40%)   => 1x1x1024
linear 1000     => 1x1x1000, params 1000K, ops 1M, depth 1
softmax         => 1x1x1000
expect weight layers 22
"""
