"""The layers and tokens that a user asks an encoder for."""

import re


def parse_layers(
    layers: str, num_layers: int, pooling: str = "cls"
) -> list[int]:
    """Reads `--layers`: the layers of the rows of a stack.

    Args:
        layers: `last6` (any count), `all`, or a range `5-10`, both ends
            included. Layer i is keras-hub's `transformer_layer_i`, from 0:
            Hugging Face's `hidden_states[i + 1]`.
        num_layers: Layers of the encoder.
        pooling: One of `options.POOLINGS`. The one row of `first_last` is
            numbered as the last layer; it has no use for `layers`.

    Returns:
        The layers' indices, ascending.

    Raises:
        ValueError: If it cannot be read or the encoder lacks such a layer.
    """
    if pooling == "first_last":
        return [num_layers - 1]
    if layers == "all":
        return list(range(num_layers))
    last = re.fullmatch(r"last(\d+)", layers)
    between = re.fullmatch(r"(\d+)-(\d+)", layers)
    if last:
        first, final = num_layers - int(last[1]), num_layers - 1
    elif between:
        first, final = int(between[1]), int(between[2])
    else:
        raise ValueError(
            "`layers` must be like `last6`, `all` or `5-10` (from 0, both ends "
            f"included). Received: {layers!r}"
        )
    if not 0 <= first <= final < num_layers:
        raise ValueError(
            f"`layers` must name layers among 0-{num_layers - 1}, the "
            f"{num_layers} of this encoder. Received: {layers!r}. Use "
            "--layers=all (or --text_layers=all)."
        )
    return list(range(first, final + 1))


def check_max_tokens(max_tokens: int, positions: int) -> None:
    """Refuses texts longer than an encoder takes.

    Args:
        max_tokens: Most tokens kept per text.
        positions: Positions of the encoder.

    Raises:
        ValueError: If there are more tokens than positions, or fewer than 3.
    """
    if not 2 < max_tokens <= positions:
        raise ValueError(
            f"`max_tokens` must be in [3, {positions}], the encoder's "
            f"positions. Received: {max_tokens}. Use --max_tokens={positions}."
        )
