"""Trains the encoder, and saves it as a KerasHub preset."""

import dataclasses
import shutil
from pathlib import Path

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from tools.mini_encoder.targets import NUM_TARGETS, Space
from tools.mini_encoder.vocabulary import NUM_PIECES, Ids, open_tokenizer
from tools.mini_encoder.windows import Batch, make_batches

BACKBONE = {
    "vocabulary_size": NUM_PIECES,
    "num_layers": 6,
    "num_heads": 4,
    "hidden_dim": 128,
    "intermediate_dim": 512,
    "dropout": 0.0,  # the data are seen about once: nothing to over-fit
    "max_sequence_length": 512,
}
# Cross-entropy is about 6 at first, each regression loss below 2.
LOSS_WEIGHTS = {"mlm": 0.2, "window": 1.0, "review": 1.0}


@dataclasses.dataclass(frozen=True)
class Settings:
    """How long and how fast to train.

    Attributes:
        steps: Steps of the whole schedule.
        stop_after: Step to stop after, or `None`.
        tokens_per_batch: B * T of a training batch.
        learning_rate: Peak, after the warm-up.
        seed: Seed of the batches.
    """

    steps: int
    stop_after: int | None
    tokens_per_batch: int
    learning_rate: float
    seed: int


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


def build_backbone(space: Space) -> keras_hub.models.BertBackbone:
    """Builds the encoder; its piece embeddings start as their targets.

    Informative pieces are large compared with the position embedding, so that
    they stay large after layer normalisation.
    """
    backbone = keras_hub.models.BertBackbone(**BACKBONE)
    table = space["projection"][:NUM_PIECES, : backbone.hidden_dim]
    table = table * space["idf"][:NUM_PIECES, None]
    table = np.clip(0.04 * table / table.std(), -0.12, 0.12)
    backbone.token_embedding.embeddings.assign(table)
    return backbone


def build_optimizer(settings: Settings) -> keras.optimizers.Optimizer:
    """AdamW; the rate rises over a twentieth of the steps and falls to 0."""
    warmup = settings.steps // 20
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        settings.steps - warmup,
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(
        rate, weight_decay=0.01, beta_2=0.98, global_clipnorm=1.0
    )


def find_losses(
    outputs: Batch, batch: Batch, dim_weights: np.ndarray
) -> dict[str, tf.Tensor]:
    """Returns the three losses of a batch, each a mean."""
    losses = {
        key: tf.reduce_mean(dim_weights * tf.square(outputs[key] - batch[key]))
        for key in ("window", "review")
    }
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        batch["labels"], outputs["mlm"]
    )
    used = tf.cast(batch["mask_positions"] > 0, tf.float32)
    losses["mlm"] = tf.reduce_sum(entropy * used) / tf.reduce_sum(used)
    return losses


def train(
    ids: Ids, space: Space, settings: Settings, folder: Path
) -> keras_hub.models.BertBackbone:
    """Trains a backbone, from the last checkpoint if `folder` has one."""
    backbone = build_backbone(space)
    model = build_model(backbone)
    optimizer = build_optimizer(settings)
    optimizer.build(model.trainable_variables)
    checkpoints = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=model, optimizer=optimizer),
        str(folder),
        max_to_keep=1,
    )
    checkpoints.restore_or_initialize()
    start = int(optimizer.iterations.numpy())
    dim_weights = space["correlations"] / space["correlations"].mean()

    @tf.function(jit_compile=True)
    def train_step(batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = model({key: batch[key] for key in model.input})
            losses = find_losses(outputs, batch, dim_weights)
            loss = sum(LOSS_WEIGHTS[key] * losses[key] for key in losses)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)
        return losses

    last = settings.stop_after or settings.steps
    batches = make_batches(
        ids,
        space,
        range(start, last),
        tokens_per_batch=settings.tokens_per_batch,
        seed=settings.seed,
    )
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
    pieces: Path,
    output: Path,
) -> None:
    """Writes a KerasHub preset aside, then replaces `output` by it."""
    aside, old = output.with_suffix(".new"), output.with_suffix(".old")
    for folder in (aside, old):
        shutil.rmtree(folder, ignore_errors=True)
    backbone.save_to_preset(aside)
    open_tokenizer(pieces, lowercase=True).save_to_preset(aside)
    # Half the size; the configuration stays float32, and so does the loaded
    # model.
    half = keras_hub.models.BertBackbone(**BACKBONE, dtype="float16")
    half.set_weights(backbone.get_weights())
    half.save_weights(aside / "model.weights.h5")
    if output.exists():
        output.rename(old)
    aside.rename(output)
    shutil.rmtree(old, ignore_errors=True)
