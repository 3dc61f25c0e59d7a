"""Classification of an image with its title and description.

Source: Miller et al., Multi-Modal Classification Using Images and Text.
Letters: N examples, H and W pixels, C image channels, D hidden size of the
encoder, K classes.
"""
