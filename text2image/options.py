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
POOLINGS = ("cls", "mean")

SCALERS = ("norm1", "norm2", "standard")
PROJECTIONS = ("tsne", "pca")
TSNE_METHODS = ("exact", "barnes_hut")
TSNE_METRICS = ("euclidean", "cosine")
TSNE_INITS = ("pca", "random")
ASSIGNMENTS = ("bin", "lsa")
FILLS = ("zero", "nearest")
LAYOUTS = ("fitted", "shuffled")
NUM_CHANNELS = {"grey": 1, "layers": 3}  # by --channels
