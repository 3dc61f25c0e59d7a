"""What settings and an encoder's config allow, before texts are encoded.

This module imports nothing heavy, so that commands refuse at once.
"""

import pathlib

from text2image import assets, options
from text2image.bert import headers
from text2image.bert.layers import check_max_tokens, parse_layers
from text2image.deepinsight import umap_layout
from tfrecords.command_line import Rule
from tfrecords.config import RecordsConfig
from tfrecords.multimodal_config import BERT_SETTINGS, MultimodalConfig

_MINI = "mini"
# Fields of `RecordsConfig` that the images depend on, besides the stacks.
MAP_SETTINGS = (
    "scaler",
    "projection",
    "tsne_method",
    "metric",
    "perplexity",
    "tsne_init",
    "tsne_learning_rate",
    "tsne_iterations",
    "assignment",
    "fill",
    "layout",
    "channels",
    "image_height",
    "image_width",
    "compat",
    "map_seed",
)


def check_records(settings: RecordsConfig) -> None:
    """Refuses records that cannot be made, as far as a config file can tell.

    Raises:
        ValueError: If the projection is an extra that is not installed, and
            as `check_encoder` and `check_map_settings`.
    """
    if settings.projection == "umap":
        umap_layout.check_installed()
    if settings.stacks:
        return  # no encoder; their shape is looked at when they are opened
    shape = check_encoder(settings, settings.layers, settings.pooling)
    if shape is not None:
        check_map_settings(settings, shape)


def check_encoder(
    settings: RecordsConfig, layers: str, pooling: str
) -> tuple[int, int] | None:
    """Refuses what the encoder cannot do, by its config alone.

    Args:
        settings: Encoder and most tokens per text.
        layers: `--layers` or `--text_layers`.
        pooling: `--pooling`.

    Returns:
        The shape of its stacks, (L, D); `None` if there is no config of the
        encoder's yet, or not where it is looked for.

    Raises:
        ValueError: If it lacks the layers or has too few positions, or is no
            encoder that can be computed.
    """
    directory = (
        assets.mini_encoder()
        if settings.encoder == _MINI
        else pathlib.Path(settings.encoder).expanduser()
    )
    if headers.is_saved_model(directory):
        headers.read_header(directory)  # refuses it
    if not any((directory / name).is_file() for name in headers.CONFIG_NAMES):
        return None
    if (directory / "modules.json").is_file():
        return None  # of sentence-transformers: it may be of another module
    return stack_shape(settings, directory, layers, pooling)


def stack_shape(
    settings: RecordsConfig, directory: pathlib.Path, layers: str, pooling: str
) -> tuple[int, int]:
    """As `check_encoder`, of a directory that has a config."""
    header = headers.read_header(directory)
    check_max_tokens(settings.max_tokens, header.max_sequence_length)
    rows = parse_layers(layers, header.num_layers, pooling)
    return len(rows), header.hidden_dim


def check_text_encoder(
    settings: RecordsConfig, chosen: MultimodalConfig
) -> None:
    """As `check_encoder`, for multimodal records: also takes a SavedModel."""
    if not headers.is_saved_model(settings.encoder):
        check_encoder(settings, chosen.text_layers, chosen.pooling)


def bert_flags(settings: RecordsConfig) -> Rule:
    """Flags without effect on a SavedModel, for `refuse_ignored`."""
    return (
        BERT_SETTINGS,
        headers.is_saved_model(settings.encoder),
        f"--encoder={settings.encoder} is a SavedModel, which reads texts "
        "itself",
    )


def check_map_settings(
    settings: RecordsConfig, stack_shape: tuple[int, ...]
) -> None:
    """Refuses settings with which no map of such stacks can be fitted.

    Args:
        settings: Channels, projection, assignment and image size.
        stack_shape: `(layers, hidden)` of a stack.

    Raises:
        ValueError: If the layers do not divide among the channels, a channel
            has more features than pixels (`--assignment=lsa`), or the
            perplexity is not below the number of features.
    """
    num_layers, hidden = stack_shape
    num_channels = options.NUM_CHANNELS[settings.channels]
    if num_layers % num_channels:
        other = "" if settings.stacks else " or other --layers"
        raise ValueError(
            f"--channels={settings.channels} needs a number of layers that is "
            f"a multiple of {num_channels}. Received: {num_layers} layers. "
            f"Use --channels=grey{other}."
        )
    features = num_layers * hidden
    height, width = settings.image_height, settings.image_width
    if (
        settings.assignment == "lsa"
        and features // num_channels > height * width
    ):
        channels = "--channels=layers, " if num_channels == 1 else ""
        raise ValueError(
            f"--assignment=lsa needs one pixel per feature of a channel. "
            f"Received: {features // num_channels} features for {height} x "
            f"{width} pixels. Use larger images, {channels}or "
            "--assignment=bin."
        )
    perplexity = perplexity_for(settings, features)
    if settings.projection == "tsne" and perplexity >= features:
        raise ValueError(
            f"--perplexity must be in (0, {features}), the number of "
            f"features. Received: {perplexity}. Leave it out: the default "
            "follows the number of features."
        )


def is_seeded(settings: RecordsConfig) -> bool:
    """Whether `map_seed` changes the map: projection, its start, or layout."""
    by_tsne = settings.projection == "tsne" and (
        settings.tsne_init == "random" or settings.tsne_method == "barnes_hut"
    )
    return (
        by_tsne
        or settings.projection in options.SEEDED_PROJECTIONS
        or settings.layout == "shuffled"
    )


def perplexity_for(settings: RecordsConfig, features: int) -> float:
    """The perplexity; its default becomes a third of few features."""
    if settings.perplexity != RecordsConfig.perplexity:
        return settings.perplexity
    return options.default_perplexity(features)
