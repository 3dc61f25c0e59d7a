"""BERT in numpy, after Devlin et al. 2018: the reference of ways in."""

import numpy as np
from scipy import special


def cls_stacks(
    tensors, ids, *, num_heads, epsilon=1e-12, gelu="exact", move=None
):
    """The [CLS] vectors of all layers, `(N, L, D)` float64.

    Args:
        tensors: Name, as in Hugging Face's BertModel without a prefix, to
            array.
        ids: `(N, T)` ids, no padding; segment 0.
        num_heads: Attention heads.
        move: Changes the embeddings `(N, T, D)`; by default they stay.
        epsilon: Added to the variance.
        gelu: `exact` or `tanh`.
    """

    def read(name):
        return np.asarray(tensors[name], np.float64)

    def dense(name, x):
        return x @ read(f"{name}.weight").T + read(f"{name}.bias")

    def norm(name, x):
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        scaled = centred / deviation * read(f"{name}.weight")
        return scaled + read(f"{name}.bias")

    def activate(x):
        if gelu == "exact":
            return x * special.ndtr(x)
        inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
        return x * (1 + np.tanh(inner)) / 2

    def heads(x):
        rows, length, _ = x.shape
        split = x.reshape(rows, length, num_heads, -1)
        return split.transpose(0, 2, 1, 3)

    x = read("embeddings.word_embeddings.weight")[ids]
    x = x + read("embeddings.position_embeddings.weight")[: ids.shape[1]]
    x = x + read("embeddings.token_type_embeddings.weight")[0]
    x = norm("embeddings.LayerNorm", x)
    if move is not None:
        x = move(x)
    stacks = []
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in tensors:
        prefix = f"encoder.layer.{layer}"
        query, key, value = (
            heads(dense(f"{prefix}.attention.self.{name}", x))
            for name in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.sqrt(query.shape[-1])
        mixed = special.softmax(scores, axis=-1) @ value
        mixed = mixed.transpose(0, 2, 1, 3).reshape(x.shape)
        attended = dense(f"{prefix}.attention.output.dense", mixed)
        x = norm(f"{prefix}.attention.output.LayerNorm", x + attended)
        inner = activate(dense(f"{prefix}.intermediate.dense", x))
        x = norm(
            f"{prefix}.output.LayerNorm",
            x + dense(f"{prefix}.output.dense", inner),
        )
        stacks.append(x[:, 0])
        layer += 1
    return np.stack(stacks, axis=1)
