"""Text as an image: [CLS] stacks drawn as DeepInsight pixels, not diffusion.

Letters, the same everywhere: N examples, T tokens, L layers, D hidden size,
F features (F = L * D, layer-major), H rows and W columns of an image,
C channels, K classes.
"""
