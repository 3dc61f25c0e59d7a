"""Fits arrays to a slice: names, shapes, and batch norm that was folded.

Batch norm folded into its convolution is understood: a bias for a convolution
`X` that has none becomes the shift of `X_bn`, and `X_bn/scale`, `X_bn/shift`
become that layer's gamma and beta.
"""

import keras
import numpy as np

Arrays = dict[str, np.ndarray]


def slice_variables(slice_: keras.Model) -> dict[str, keras.Variable]:
    """Returns every weight of the slice by its canonical name."""
    return {
        f"{layer.name}/{variable.name}": variable
        for layer in slice_.layers
        for variable in layer.variables
        if variable.name != "seed_generator_state"
    }


def fit_arrays(
    slice_: keras.Model, arrays: Arrays, source: str, *, whole: bool = True
) -> Arrays:
    """Returns the arrays of the slice, unfolded, float32, all validated.

    Args:
        slice_: What `backbones.build_slice` returned.
        arrays: By canonical name, batch norm folded or not.
        source: Where they are from, for the error.
        whole: Whether every layer must be there; if not, those of which there
            is nothing are left out of what is returned.

    Raises:
        ValueError: If anything is missing, not of this slice, given twice,
            of another shape, not a number, or no variance.
    """
    expected = slice_variables(slice_)
    unfolded, faults = _unfold_batch_norm(slice_, arrays)
    given = {name.rpartition("/")[0] for name in unfolded}
    faults += [
        f"missing: {name}"
        for name in expected
        if name not in unfolded and (whole or name.rpartition("/")[0] in given)
    ]
    fitted = {}
    for name, array in unfolded.items():
        fault = (
            _fault(name, array, tuple(expected[name].shape))
            if name in expected
            else f"not of this slice: {name}"
        )
        if fault:
            faults.append(fault)
        else:
            fitted[name] = np.ascontiguousarray(array, "float32")
    if faults:
        raise ValueError(
            f"`weights` must hold the {len(expected)} arrays of "
            f"{slice_.name}, from {next(iter(expected))} on. Received: "
            f"{source!r} with {len(arrays)} arrays, of which "
            + "; ".join(faults[:8])
            + (f"; and {len(faults) - 8} more." if len(faults) > 8 else ".")
            + " Is it the file of another architecture?"
        )
    return fitted


def _fault(name: str, array: np.ndarray, shape: tuple[int, ...]) -> str:
    if array.shape != shape:
        return f"{name}: expected shape {shape}, received {array.shape}"
    if array.dtype.kind != "f":
        return f"{name}: expected floating point, received {array.dtype}"
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf
        if not np.isfinite(array.astype("float32")).all():
            return f"{name}: not finite"
    if name.endswith("/moving_variance") and (array < 0).any():
        return f"{name}: negative, hence no variance"
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
        behind = _batch_norm_name(layer)
        if variable in ("scale", "shift") and layer in epsilons:
            folded.add(layer)
            name = f"{layer}/{'gamma' if variable == 'scale' else 'beta'}"
        elif variable == "bias" and name not in expected and behind in epsilons:
            folded.add(behind)
            name = f"{behind}/beta"
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
