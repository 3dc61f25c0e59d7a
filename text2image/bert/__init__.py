"""BERT: checkpoints, tokeniser, and one vector per text and layer.

`encoder.Encoder` puts the three together: texts to stacks `(N, L, D)`.
"""
