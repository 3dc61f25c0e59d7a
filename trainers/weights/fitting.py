"""Fits arrays to a slice: names, shapes, and batch norm that was folded.

Batch norm that was folded into its convolution is unfolded: a bias for a
convolution `X` that has none becomes the beta of `X_bn`, and `X_bn/scale`,
`X_bn/shift` become its gamma and beta.
"""

import keras
import numpy as np

from trainers.weights import architectures

Arrays = dict[str, np.ndarray]

_MAX_FAULTS = 3  # named in an error


def slice_variables(slice_: keras.Model) -> dict[str, keras.Variable]:
    """Returns canonical name to variable, for every weight of the slice."""
    return {
        f"{layer.name}/{variable.name}": variable
        for layer in slice_.layers
        for variable in layer.variables
        if variable.name != "seed_generator_state"
    }


def fit_arrays(
    slice_: keras.Model, arrays: Arrays, source: str, *, whole: bool = True
) -> Arrays:
    """Validates and unfolds the arrays of a slice.

    Args:
        slice_: A model whose layers have unique names.
        arrays: Canonical name to array, with batch norm folded or not.
        source: Name of the source in errors.
        whole: Whether every layer is required; if not, layers without any
            array are left out of the result.

    Returns:
        Canonical name to float32 array with the shape of its variable.

    Raises:
        ValueError: If an array is missing, not of this slice, given twice,
            has a different shape, is not finite, or is a negative variance.
            Says which architecture the arrays seem to be of.
    """
    expected = slice_variables(slice_)
    arrays = {name: _widened(array) for name, array in arrays.items()}
    unfolded, faults = _unfold_batch_norm(slice_, arrays)
    given = {name.rpartition("/")[0] for name in unfolded}
    faults += [
        f"missing: {name}"
        for name in expected
        if name not in unfolded and (whole or name.rpartition("/")[0] in given)
    ]
    fitted, value_faults = {}, []
    for name, array in unfolded.items():
        if name not in expected:
            faults.append(f"not of this slice: {name.removesuffix('/array')}")
            continue
        shape = tuple(expected[name].shape)
        if array.shape != shape:
            faults.append(
                f"{name}: expected shape {shape}, received {array.shape}"
            )
        elif fault := _value_fault(name, array):
            value_faults.append(fault)
        else:
            fitted[name] = np.ascontiguousarray(array, "float32")
    if faults or value_faults:
        guess = architectures.guess(arrays) if faults else ""
        raise ValueError(
            f"`weights` must hold the {len(expected)} arrays of "
            f"{slice_.name}, {next(iter(expected))} and so on. Received: "
            f"{source!r} with {len(arrays)} arrays, of which "
            f"{_listed(faults + value_faults)}{guess}"
        )
    return fitted


def _listed(faults: list[str]) -> str:
    rest = len(faults) - _MAX_FAULTS
    listed = "; ".join(faults[:_MAX_FAULTS])
    return listed + (f"; and {rest} more." if rest > 0 else ".")


def _widened(array: np.ndarray) -> np.ndarray:
    """Returns bfloat16, which NumPy does not know as a float, as float32."""
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def _value_fault(name: str, array: np.ndarray) -> str:
    if array.dtype.kind != "f":
        return f"{name}: expected floating point, received {array.dtype}"
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf
        if not np.isfinite(array.astype("float32")).all():
            return f"{name}: not finite (NaN or infinity)"
    if name.endswith("/moving_variance") and (array < 0).any():
        return f"{name}: negative, so not a variance"
    return ""


def _unfold_batch_norm(
    slice_: keras.Model, arrays: Arrays
) -> tuple[Arrays, list[str]]:
    expected = slice_variables(slice_)
    epsilons = {
        layer.name: layer.epsilon
        for layer in slice_.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    unfolded: Arrays = {}
    folded: set[str] = set()
    faults = []
    for name, array in arrays.items():
        layer, _, variable = name.rpartition("/")
        batch_norm = _batch_norm_name(layer)
        if variable in ("scale", "shift") and layer in epsilons:
            folded.add(layer)
            name = f"{layer}/{'gamma' if variable == 'scale' else 'beta'}"
        elif (
            variable == "bias"
            and name not in expected
            and batch_norm in epsilons
        ):
            folded.add(batch_norm)
            name = f"{batch_norm}/beta"
        if name in unfolded:
            faults.append(f"given twice, folded and not: {name}")
        unfolded[name] = array
    for layer in folded:
        shape = np.shape(unfolded[f"{layer}/beta"])
        unfolded.setdefault(f"{layer}/gamma", np.ones(shape))
        unfolded.setdefault(f"{layer}/moving_mean", np.zeros(shape))
        # So that variance + epsilon is exactly the folded 1.
        unfolded.setdefault(
            f"{layer}/moving_variance", np.full(shape, 1.0 - epsilons[layer])
        )
    return unfolded, faults


def _batch_norm_name(convolution: str) -> str:
    """`X_conv` is followed by `X_bn` (Keras), `X` by `X_bn` (our ports)."""
    return convolution.removesuffix("_conv") + "_bn"
