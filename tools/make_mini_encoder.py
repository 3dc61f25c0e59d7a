"""Makes the mini encoder: a small BERT pre-trained on reviews without labels.

Stages: vocabulary, tokens, targets, train, export, measure. The slow results
are kept in `--workdir`; a second run goes on from them and from the last
checkpoint. Only the measurement reads labels.

    KERAS_BACKEND=tensorflow python tools/make_mini_encoder.py \
        --unlabelled=../shared/data/imdb_unsupervised.jsonl.xz \
        --labelled=../shared/data/tfds --workdir=WORKDIR

Axes: N texts, B batch rows, T tokens, L layers, D hidden, K targets.
"""

import json
import lzma
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import keras
import keras_hub
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tensorflow_text as tf_text
import tokenizers
from absl import app, flags, logging
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

PRESET = Path(__file__).parents[1] / "text2image/data/mini_encoder"
FLAGS = flags.FLAGS
flags.DEFINE_string("unlabelled", None, "JSON lines (xz) with a `text` each.")
flags.DEFINE_string("labelled", None, "TFDS folder to measure on; none: skip.")
flags.DEFINE_string("workdir", None, "Folder of the intermediate results.")
flags.DEFINE_string("output", str(PRESET), "Preset folder to write.")
flags.DEFINE_integer("seed", 0, "Seed of all random numbers.")
flags.DEFINE_integer("steps", 2000, "Training steps of the schedule.")
flags.DEFINE_integer("stop_after", None, "Export after this step; none: last.")
flags.DEFINE_integer("num_measured", None, "Texts to measure on; none: all.")
flags.DEFINE_integer("tokens_per_batch", 2048, "B * T of a training batch.")
flags.DEFINE_float("learning_rate", 1.5e-3, "Peak, after the warm-up.")

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # ids 0 to 4
CLS, SEP, MASK = 2, 3, 4
NUM_PIECES = 8000
MAX_CHARACTERS = 200  # single-character pieces, and as many that go on a word
BACKBONE = {
    "vocabulary_size": NUM_PIECES,
    "num_layers": 6,
    "num_heads": 4,
    "hidden_dim": 128,
    "intermediate_dim": 512,
    "dropout": 0.0,  # the data are seen about once: nothing to over-fit
    "max_sequence_length": 512,
}
MIN_REVIEWS = 100  # a pair of pieces is a term if in so many reviews
LSA_DIM, NUM_TARGETS = 512, 256  # the latter is K
# Cross-entropy is about 6 at first, each regression loss below 2.
LOSS_WEIGHTS = {"mlm": 0.2, "window": 1.0, "review": 1.0}
# Share of the steps for each T: a short window costs less for each target,
# but every position must be trained.
WINDOW_SHARES = {64: 0.4, 128: 0.37, 256: 0.2, 512: 0.03}

Ids = list[np.ndarray]  # piece ids of each text, without [CLS] and [SEP]
Batch = dict[str, np.ndarray]


def normalize(text: tf.Tensor) -> tf.Tensor:
    """Normalises texts as the project does in front of every tokenizer."""
    text = tf.strings.regex_replace(text, r"[\t\n\r\p{Z}]", " ")
    text = tf.strings.regex_replace(text, r"[\p{C}\x{FFFD}]", "")
    text = tf_text.normalize_utf8(text, "NFD")
    text = tf.strings.regex_replace(text, r"\p{Mn}", "")
    return tf.strings.lower(text, encoding="utf-8")


def learn_vocabulary(texts: list[str], path: Path) -> None:
    """Learns a WordPiece vocabulary and writes it, one piece a line.

    The same texts give the same file: the trainer numbers characters in the
    order of a hash map, and breaks ties by number, so they come numbered.
    """
    data = tf.data.Dataset.from_tensor_slices(texts).map(normalize)
    lines = [line.decode() for line in data.as_numpy_iterator()]
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    characters = sorted(
        (c for c in counts if not c.isspace()), key=lambda c: (-counts[c], c)
    )[:MAX_CHARACTERS]
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece())
    model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=NUM_PIECES,
        special_tokens=[*SPECIAL, *characters, *(f"##{c}" for c in characters)],
        initial_alphabet=characters,
        limit_alphabet=MAX_CHARACTERS,
    )
    model.train_from_iterator(lines, trainer)
    ids = model.get_vocab()
    path.write_text("\n".join(sorted(ids, key=ids.__getitem__)) + "\n")


def tokenize(texts: list, tokenizer: keras_hub.models.BertTokenizer) -> Ids:
    """Returns the piece ids of each text, untruncated."""
    data = tf.data.Dataset.from_tensor_slices(texts).batch(500)
    data = data.map(lambda batch: tokenizer(normalize(batch)))
    rows = (np.split(r.values.numpy(), r.row_splits[1:-1]) for r in data)
    return [row for batch in rows for row in batch]


def count_terms(texts: Ids, pairs: np.ndarray) -> csr_matrix:
    """Counts pieces, and the pairs of pieces in `pairs`: `(N, terms)`."""
    lengths = np.array([len(text) for text in texts])
    codes = np.concatenate([pair_codes(text) for text in texts])
    place = np.searchsorted(pairs, codes).clip(max=len(pairs) - 1)
    known = pairs[place] == codes
    rows = np.arange(len(texts))
    pair_rows = rows.repeat(lengths - 1)[known]
    row = np.concatenate([rows.repeat(lengths), pair_rows])
    column = np.concatenate([*texts, NUM_PIECES + place[known]])
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


def learn_targets(ids: Ids, path: Path) -> None:
    """Learns what the [CLS] vectors must tell, from the reviews alone.

    Latent semantic analysis, turned by a canonical correlation analysis of
    the two halves of each review. What the halves share comes first: genre,
    topic, opinion; chance wording comes last.

    Source: Deerwester et al. 1990 (LSA); Hotelling 1936 (correlations).
    """
    pairs = np.concatenate([np.unique(pair_codes(text)) for text in ids])
    pairs, num_reviews = np.unique(pairs, return_counts=True)
    pairs = pairs[num_reviews >= MIN_REVIEWS]
    counts = count_terms(ids, pairs)
    idf = TfidfTransformer().fit(counts).idf_.astype(np.float32)
    svd = TruncatedSVD(LSA_DIM, n_iter=2, random_state=FLAGS.seed)
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


def find_targets(texts: Ids, space: Batch) -> np.ndarray:
    """Returns the targets of each text, `(N, K)`, of about unit variance."""
    terms = weigh(count_terms(texts, space["pairs"]), space["idf"])
    # A short window may hold one rare term only: keep its pull bounded.
    return np.clip(terms @ space["projection"] - space["offset"], -5, 5)


def make_batches(ids: Ids, space: Batch, steps: range) -> Iterator[Batch]:
    """Yields the batch of each step: a function of the seed and the step."""
    lengths = np.array([len(text) for text in ids])
    review_targets = find_targets(ids, space)
    for step in steps:
        rng = np.random.default_rng([FLAGS.seed, step])
        width = rng.choice(list(WINDOW_SHARES), p=list(WINDOW_SHARES.values()))
        long_enough = np.flatnonzero(lengths >= width // 2)
        rows = rng.choice(long_enough, FLAGS.tokens_per_batch // width)
        windows = []
        for row in rows:
            size = rng.integers(6 if width == 64 else width // 2, width - 1)
            start = rng.integers(0, max(1, lengths[row] - size))
            start *= rng.integers(2)  # half of them from the beginning
            windows.append(ids[row][start : start + size])
        batch = hide_pieces(pack(windows, width), rng)
        batch["window"] = find_targets(windows, space)
        batch["review"] = review_targets[rows]
        yield batch


def pack(texts: Ids, width: int) -> Batch:
    """Returns the inputs of a BERT backbone, each `(B, T)` with T = width."""
    token_ids = np.zeros((len(texts), width), np.int32)
    mask = np.zeros_like(token_ids)
    for row, text in enumerate(texts):
        pieces = [CLS, *text[: width - 2], SEP]
        token_ids[row, : len(pieces)] = pieces
        mask[row, : len(pieces)] = 1
    segments = np.zeros_like(token_ids)
    names = ("token_ids", "padding_mask", "segment_ids")
    return dict(zip(names, (token_ids, mask, segments), strict=True))


def hide_pieces(batch: Batch, rng: np.random.Generator) -> Batch:
    """Hides 15 % of the pieces, to be found by the masked-language head.

    Source: Devlin et al. 2019, section 3.1: of the hidden pieces 80 % become
    [MASK], 10 % a random piece, 10 % stay.
    """
    ids, lengths = batch["token_ids"], batch["padding_mask"].sum(1)
    positions = np.zeros((len(ids), round(0.15 * ids.shape[1])), np.int32)
    for row, length in enumerate(lengths):
        num = max(1, round(0.15 * (length - 2)))
        positions[row, :num] = 1 + rng.permutation(length - 2)[:num]
    labels = np.take_along_axis(ids, positions, 1)
    other = rng.integers(len(SPECIAL), NUM_PIECES, labels.shape)
    lot = rng.random(labels.shape)
    hidden = np.where(lot < 0.8, MASK, np.where(lot < 0.9, other, labels))
    # Position 0, [CLS], marks an unused slot: it stays as it is.
    hidden = np.where(positions > 0, hidden, CLS).astype(np.int32)
    np.put_along_axis(ids, positions, hidden, 1)
    return {**batch, "mask_positions": positions, "labels": labels}


def cls_stack(backbone: keras_hub.models.BertBackbone) -> keras.KerasTensor:
    """Returns the [CLS] vectors of all layers, `(B, L, D)`."""
    outputs = [layer.output for layer in backbone.transformer_layers]
    return keras.ops.stack([output[:, 0] for output in outputs], axis=1)


def build_model(backbone: keras_hub.models.BertBackbone) -> keras.Model:
    """Adds the heads, which the export drops."""
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    head = keras_hub.layers.MaskedLMHead(
        token_embedding=backbone.token_embedding,
        intermediate_activation="gelu",
    )
    stack = keras.layers.Flatten()(cls_stack(backbone))  # (B, L * D)
    outputs = {
        "mlm": head(backbone.output["sequence_output"], positions),
        "window": keras.layers.Dense(NUM_TARGETS)(stack),
        "review": keras.layers.Dense(NUM_TARGETS)(stack),
    }
    return keras.Model({**backbone.input, "mask_positions": positions}, outputs)


def train(ids: Ids, space: Batch) -> keras_hub.models.BertBackbone:
    """Trains a backbone, from the last checkpoint if there is one."""
    backbone = keras_hub.models.BertBackbone(**BACKBONE)
    # A piece starts at its place among the targets; telling pieces are large
    # beside the position embedding, so the layer normalisation keeps them so.
    table = space["projection"][:NUM_PIECES, : backbone.hidden_dim]
    table = table * space["idf"][:NUM_PIECES, None]
    table = np.clip(0.04 * table / table.std(), -0.12, 0.12)
    backbone.token_embedding.embeddings.assign(table)
    model = build_model(backbone)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        FLAGS.steps - FLAGS.steps // 20,
        warmup_target=FLAGS.learning_rate,
        warmup_steps=FLAGS.steps // 20,
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=0.01, beta_2=0.98, global_clipnorm=1.0
    )
    optimizer.build(model.trainable_variables)
    checkpoints = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model, optimizer=optimizer),
        f"{FLAGS.workdir}/checkpoints",
        max_to_keep=1,
    )
    checkpoints.restore_or_initialize()
    start = int(optimizer.iterations.numpy())
    dim_weights = space["correlations"] / space["correlations"].mean()

    @tf.function(jit_compile=True)
    def train_step(batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = model({key: batch[key] for key in model.input})
            losses = {
                key: tf.reduce_mean(
                    dim_weights * tf.square(outputs[key] - batch[key])
                )
                for key in ("window", "review")
            }
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
                batch["labels"], outputs["mlm"]
            )
            used = tf.cast(batch["mask_positions"] > 0, tf.float32)
            losses["mlm"] = tf.reduce_sum(entropy * used) / tf.reduce_sum(used)
            loss = sum(LOSS_WEIGHTS[key] * losses[key] for key in losses)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)
        return losses

    last = FLAGS.stop_after or FLAGS.steps
    batches = make_batches(ids, space, range(start, last))
    bar = tqdm(batches, "train", last, initial=start, mininterval=10)
    mean: dict[str, float] = {}
    for step, batch in enumerate(bar, start + 1):
        for key, loss in train_step(batch).items():
            mean[key] = mean.get(key, float(loss)) * 0.99 + float(loss) * 0.01
        if step % 100 == 0 or step == last:
            checkpoints.save()
            logging.info("Step %d: %s", step, mean)
    return backbone


def export(
    backbone: keras_hub.models.BertBackbone,
    tokenizer: keras_hub.models.BertTokenizer,
    output: Path,
) -> None:
    """Writes a KerasHub preset aside, then puts it in the place of `output`."""
    aside, old = output.with_suffix(".new"), output.with_suffix(".old")
    for folder in (aside, old):
        shutil.rmtree(folder, ignore_errors=True)
    backbone.save_to_preset(aside)
    tokenizer.save_to_preset(aside)
    # The configuration stays float32, so it loads as such; the file is halved.
    half = keras_hub.models.BertBackbone(**BACKBONE, dtype="float16")
    half.set_weights(backbone.get_weights())
    half.save_weights(aside / "model.weights.h5")
    if output.exists():
        if (output / "CARD.md").exists():
            shutil.copy(output / "CARD.md", aside)
        output.rename(old)
    aside.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def measure(preset: str, data_dir: str) -> dict[str, float]:
    """Fits a linear probe on the [CLS] stack of labelled IMDB, 256 pieces."""
    data = tfds.load(
        "imdb_reviews",
        data_dir=data_dir,
        split="train+test",
        as_supervised=True,
        download=False,
    )
    examples = list(data.as_numpy_iterator())
    order = np.random.default_rng(FLAGS.seed).permutation(len(examples))
    chosen = [examples[row] for row in order[: FLAGS.num_measured]]
    texts, labels = zip(*chosen, strict=True)
    tokenizer = keras_hub.models.BertTokenizer.from_preset(preset)
    backbone = keras_hub.models.BertBackbone.from_preset(preset)
    ids = tokenize(list(texts), tokenizer)
    begin = time.monotonic()
    model = keras.Model(backbone.input, cls_stack(backbone))
    encode = tf.function(model, jit_compile=True)
    stacks = np.zeros((len(ids), *model.output.shape[1:]), np.float32)
    widths = np.array([min(256, 32 * ((len(text) + 33) // 32)) for text in ids])
    for width in np.unique(widths):
        of_width = np.flatnonzero(widths == width)
        for start in tqdm(range(0, len(of_width), 32), f"{width} tokens"):
            # A short last batch repeats rows: one shape, one compilation.
            rows = np.resize(of_width[start : start + 32], 32)
            stacks[rows] = encode(pack([ids[row] for row in rows], width))
    seconds = time.monotonic() - begin
    x, x_test, y, y_test = train_test_split(
        stacks.reshape(len(stacks), -1),
        np.array(labels),
        test_size=0.2,
        stratify=labels,
        random_state=FLAGS.seed,
    )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    accuracy = probe.fit(x, y).score(x_test, y_test)
    return {"accuracy": accuracy, "encode_seconds": seconds, "N": len(ids)}


def main(argv: list[str]) -> None:
    """Runs the stages."""
    del argv
    keras.utils.set_random_seed(FLAGS.seed)
    workdir = Path(FLAGS.workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    with lzma.open(FLAGS.unlabelled, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    vocabulary, targets = workdir / "vocabulary.txt", workdir / "targets.npz"
    if not vocabulary.exists():
        learn_vocabulary(texts, vocabulary)
    tokenizer = keras_hub.models.BertTokenizer(
        str(vocabulary), lowercase=False, strip_accents=True
    )
    ids = tokenize(texts, tokenizer)
    if not targets.exists():
        learn_targets(ids, targets)
    backbone = train(ids, dict(np.load(targets)))
    export(backbone, tokenizer, Path(FLAGS.output))
    if FLAGS.labelled:
        logging.info("%s", measure(FLAGS.output, FLAGS.labelled))


if __name__ == "__main__":
    flags.mark_flags_as_required(["unlabelled", "workdir"])
    app.run(main)
