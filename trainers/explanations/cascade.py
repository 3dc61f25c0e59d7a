"""The randomisation cascade: do explanations depend on what was learnt?"""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import scipy.stats

from trainers.network import model as network

LEAST_WORDS = 3  # two have a correlation of 1 or -1, whatever they say


def stages(
    whole: keras.Model, encoder: keras.Model
) -> dict[str, list[keras.Variable]]:
    """Lists the weights of a model by stage, from the logits to the text.

    Args:
        whole: `Models.whole` of a run.
        encoder: The BERT model of the run.

    Returns:
        Stage to its weights; the mean train image is none of them.
    """
    weights: dict[str, list[keras.Variable]] = {
        "head": [],
        "autoencoder": [],
        "slice": [],
        "encoder": list(encoder.weights),
    }
    _, features, classifier = whole.layers
    for layer in classifier.layers:
        is_head = layer.name.startswith("head")
        weights["head" if is_head else "autoencoder"] += layer.weights
    for layer in features.layers:
        if layer.name == network.LINEAR_CODE:
            weights["autoencoder"] += layer.weights
        elif layer.name != network.CONTRAST:
            weights["slice"] += layer.weights
    return {stage: values for stage, values in weights.items() if values}


def cascade(
    weights: Mapping[str, Sequence[keras.Variable]],
    explain: Callable[[], Sequence[np.ndarray]],
    *,
    repeats: int,
) -> dict[str, list[float]]:
    """Compares explanations with those of a model that is randomised in steps.

    The values of every weight are permuted, stage by stage, and stay so while
    the next stage follows. All weights are restored at the end. Source:
    Adebayo et al. 2018, arXiv 1810.03292, section 3, which draws new weights;
    permuted ones have the same scale. The correlation is that of the signed
    contributions: their sizes alone partly survive, since an input that
    differs much from its baseline has large ones under any weights.

    Args:
        weights: Stage to its weights, in the order of the cascade.
        explain: Computes the contributions of the words of each text with the
            weights as they are.
        repeats: Number of cascades, with the seeds 0, 1, …: two classes may
            change sides by chance, and then do so in all texts.

    Returns:
        Stage to the mean rank correlation (Spearman) with the explanations of
        the trained model, one per repeat. Texts with fewer than three words
        are left out.
    """
    original = explain()
    correlations: dict[str, list[float]] = {stage: [] for stage in weights}
    trained = {
        stage: [weight.numpy() for weight in values]
        for stage, values in weights.items()
    }
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        try:
            for stage, values in weights.items():
                for weight in values:
                    flat = rng.permutation(weight.numpy().ravel())
                    weight.assign(flat.reshape(weight.shape))
                correlations[stage].append(
                    rank_correlation(original, explain())
                )
        finally:
            for stage, values in weights.items():
                for weight, value in zip(values, trained[stage], strict=True):
                    weight.assign(value)
    return correlations


def rank_correlation(
    first: Sequence[np.ndarray], second: Sequence[np.ndarray]
) -> float:
    """Averages Spearman's correlation over texts of three words or more.

    Contributions that are all the same order nothing: their correlation is 0.
    """
    return float(
        np.mean(
            [
                0.0
                if np.ptp(one) == 0 or np.ptp(other) == 0
                else scipy.stats.spearmanr(one, other).statistic
                for one, other in zip(first, second, strict=True)
                if len(one) >= LEAST_WORDS
            ]
        )
    )
