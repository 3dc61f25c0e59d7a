"""Text to pictures: corpus, BERT [CLS] stacks, DeepInsight pixel maps.

Letters, the same everywhere: N examples, T tokens, L layers, D hidden size,
F features (F = L * D, layer-major), H and W pixels, C channels, K classes.
"""
