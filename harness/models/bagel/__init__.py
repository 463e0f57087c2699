"""BAGEL: a unified model that draws by flow matching and answers as a language model.

One transformer holds two sets of weights, one for tokens of text and of pictures that are looked at, one
for tokens of pictures that are drawn; attention is shared (arXiv:2505.14683). Written from the published
description of its tensors, masks and positions.
"""
