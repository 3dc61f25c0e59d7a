"""The legal values of every option that has only a few, stated once.

Both the flag that sets an option and the code that interprets it use these.
"""

SPLIT_PROTOCOLS = ("pooled", "official", "hashed")
# Quotes inside quoted fields: as the file's first lines say, doubled "",
# escaped \", or no quoting at all.
QUOTINGS = ("auto", "double", "backslash", "none")
BAD_ROWS = ("refuse", "drop")

# auto: by device.
ENCODER_DTYPES = ("auto", "float32", "bfloat16")
ENCODER_ENGINES = ("auto", "tensorflow", "openvino")
LONG_TEXTS = ("cut", "head_tail", "windows")
CLEANINGS = ("none", "html", "basic")
POOLINGS = ("cls", "mean", "max", "first_last")

SCALERS = ("norm1", "norm2", "standard")
PROJECTIONS = ("tsne", "pca", "kernel_pca", "umap", "random")
# Projections that --map_seed changes, whatever else is set.
SEEDED_PROJECTIONS = ("umap", "random")
TSNE_METHODS = ("exact", "barnes_hut")
TSNE_METRICS = ("euclidean", "cosine")
TSNE_INITS = ("pca", "random")
ASSIGNMENTS = ("bin", "lsa")
FILLS = ("zero", "nearest")
LAYOUTS = ("fitted", "shuffled")
NUM_CHANNELS = {"grey": 1, "layers": 3}  # by --channels


def default_perplexity(num_features: int) -> float:
    """Returns t-SNE's perplexity: 30, or a third of few features."""
    if num_features > _PERPLEXITY:
        return _PERPLEXITY
    # As many neighbours as three perplexities reach, as in Barnes-Hut t-SNE.
    return max(1.0, (num_features - 1) / 3)


_PERPLEXITY = 30.0
