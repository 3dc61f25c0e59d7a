"""The named settings of records; `trainers.config` adds those of training."""

from collections.abc import Mapping
from typing import Any

# Images that lose nothing: every feature has a pixel of its own, in three
# channels of a third of the layers each, and all have the same mean and
# deviation (docs/results/ablations.md).
_IMAGES = {"scaler": "standard", "assignment": "lsa", "channels": "layers"}
_IMDB = {"dataset": "imdb_reviews", "encoder": "bert_base_en_uncased"}

RECORDS: Mapping[str, Mapping[str, Any]] = {
    # The first minute: everything shipped with the package.
    "demo": {"dataset": "demo", "encoder": "mini", **_IMAGES},
    # What `trainers.selection` starts from: no network needed.
    "best": {"dataset": "demo", "encoder": "mini", **_IMAGES},
    # The best recipe we know.
    "imdb": {**_IMDB, **_IMAGES},
    # The published code to the letter (docs/decisions.md says where the paper's
    # text differs): t-SNE as in scikit-learn of that time, log scaling.
    "paper": {
        **_IMDB,
        "layers": "5-10",
        "scaler": "norm2",
        "tsne_method": "barnes_hut",
        "tsne_init": "random",
        "tsne_learning_rate": 200.0,
        "map_seed": 1701,
        "assignment": "bin",
        "fill": "zero",
        "layout": "fitted",
        "channels": "grey",
        "compat": True,
    },
}
