"""What the shape of the stacks allows a pixel map, before texts are encoded."""

import dataclasses

from text2image import options
from tfrecords.config import RecordsConfig


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
        raise ValueError(
            f"--channels={settings.channels} needs a number of layers that is "
            f"a multiple of {num_channels}. Received: {num_layers} layers. "
            "Use --channels=grey or other --layers."
        )
    features = num_layers * hidden
    height, width = settings.image_height, settings.image_width
    if (
        settings.assignment == "lsa"
        and features // num_channels > height * width
    ):
        raise ValueError(
            f"--assignment=lsa needs one pixel per feature of a channel. "
            f"Received: {features // num_channels} features for {height} x "
            f"{width} pixels. Use larger images, --channels=layers, or "
            "--assignment=bin."
        )
    perplexity = perplexity_for(settings, features)
    if settings.projection == "tsne" and perplexity >= features:
        raise ValueError(
            f"--perplexity must be in (0, {features}), the number of "
            f"features. Received: {perplexity}. Leave it out: the default "
            "follows the number of features."
        )


def perplexity_for(settings: RecordsConfig, features: int) -> float:
    """The perplexity; its default becomes a third of few features."""
    if settings.perplexity != _DEFAULT or features > _DEFAULT:
        return settings.perplexity
    # As many neighbours as three perplexities reach, as in Barnes-Hut t-SNE.
    return max(1.0, (features - 1) / 3)


_DEFAULT = next(
    field.default
    for field in dataclasses.fields(RecordsConfig)
    if field.name == "perplexity"
)
