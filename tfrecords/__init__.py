"""Records: [CLS] stacks and images as TFRecords in the TFDS layout.

Letters: N examples, L layers, D hidden size, F features, H and W pixels, C
channels, K classes.
"""
