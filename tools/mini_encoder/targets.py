"""Regression targets of the [CLS] vectors, learned without labels."""

from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer

from tools.mini_encoder.vocabulary import NUM_PIECES, Ids

MIN_REVIEWS = 100  # a pair of pieces in this many reviews is a term
LSA_DIM, NUM_TARGETS = 512, 256  # the latter is K

Space = dict[str, np.ndarray]  # what `learn_targets` wrote


def count_terms(texts: Ids, pairs: np.ndarray) -> csr_matrix:
    """Counts pieces, and the pairs of pieces in `pairs`: `(N, terms)`."""
    lengths = np.array([len(text) for text in texts])
    codes = np.concatenate([pair_codes(text) for text in texts])
    index = np.searchsorted(pairs, codes).clip(max=len(pairs) - 1)
    known = pairs[index] == codes
    rows = np.arange(len(texts))
    pair_rows = rows.repeat(lengths - 1)[known]
    row = np.concatenate([rows.repeat(lengths), pair_rows])
    column = np.concatenate([*texts, NUM_PIECES + index[known]])
    shape = (len(texts), NUM_PIECES + len(pairs))
    return csr_matrix((np.ones(len(row), np.float32), (row, column)), shape)


def pair_codes(text: np.ndarray) -> np.ndarray:
    """Returns one integer for each pair of neighbouring pieces."""
    return text[:-1].astype(np.int64) * NUM_PIECES + text[1:]


def weigh(counts: csr_matrix, idf: np.ndarray) -> csr_matrix:
    """Applies sublinear TF-IDF, rows of unit length."""
    transformer = TfidfTransformer(sublinear_tf=True)
    transformer.idf_ = idf
    return transformer.transform(counts).astype(np.float32)


def learn_targets(ids: Ids, path: Path, seed: int) -> None:
    """Learns the targets of the [CLS] vectors from unlabelled reviews.

    Latent semantic analysis, rotated by a canonical correlation analysis of
    the two halves of each review. What the halves share comes first: genre,
    topic, opinion; chance wording comes last.

    Source: Deerwester et al. 1990 (LSA); Hotelling 1936 (correlations).
    """
    pairs = np.concatenate([np.unique(pair_codes(text)) for text in ids])
    pairs, num_reviews = np.unique(pairs, return_counts=True)
    pairs = pairs[num_reviews >= MIN_REVIEWS]
    counts = count_terms(ids, pairs)
    idf = TfidfTransformer().fit(counts).idf_.astype(np.float32)
    svd = TruncatedSVD(LSA_DIM, n_iter=2, random_state=seed)
    svd.fit(weigh(counts, idf))
    halves = [half for text in ids for half in np.array_split(text, 2)]
    lsa = svd.transform(weigh(count_terms(halves, pairs), idf))
    mean = lsa.mean(0)
    lsa -= mean
    values, vectors = np.linalg.eigh(lsa.T @ lsa / len(lsa))
    whiten = vectors / np.sqrt(values + 1e-3 * values.mean())
    white = lsa @ whiten
    cross = white[0::2].T @ white[1::2] / len(ids)
    correlations, turn = np.linalg.eigh((cross + cross.T) / 2)
    best = np.argsort(-correlations)[:NUM_TARGETS]
    projection = whiten @ turn[:, best]
    arrays = {
        "idf": idf,
        "projection": svd.components_.T @ projection,  # (terms, K)
        "offset": mean @ projection,  # (K,)
        "correlations": correlations[best],  # (K,)
    }
    arrays = {key: a.astype(np.float32) for key, a in arrays.items()}
    np.savez(path, pairs=pairs, **arrays)


def find_targets(texts: Ids, space: Space) -> np.ndarray:
    """Returns the targets of each text, `(N, K)`, of about unit variance."""
    terms = weigh(count_terms(texts, space["pairs"]), space["idf"])
    # A short window may hold one rare term only: keep its pull bounded.
    return np.clip(terms @ space["projection"] - space["offset"], -5, 5)
