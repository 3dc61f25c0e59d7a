"""Makes the mini encoder: a small BERT pre-trained on reviews without labels.

Axes: N texts, B batch rows, T tokens, L layers, D hidden, K targets.
"""
