"""Makes `deepinsight.npz`: coordinates and images of pyDeepInsight 0.2.3.

Run once, with pyDeepInsight 0.2.3, torch 2.13, numpy 2.4.6 and
scikit-learn 1.9.1 (the first two are not dependencies of this project):

    python tests/golden/make_deepinsight.py

The projection is injected: a feature extractor that returns stored points, so
that no two t-SNE runs are compared. `import pyDeepInsight` runs its CAM
feature selector, which needs packages it does not declare; the package is
therefore stubbed by an empty module with its path, and only its image
transformer and its scaler are imported.
"""

import importlib
import importlib.util
import pathlib
import sys
import types

import numpy as np

SHAPES = ((12, 12), (9, 20), (20, 9))


def clouds() -> dict[str, np.ndarray]:
    """Point clouds `(F, 2)` by name; in the last the closing edge matters."""
    rng = np.random.default_rng(5)
    slanted = rng.normal(size=(60, 2)) * (4.0, 1.0)
    angle = 0.6
    turn = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    return {
        "slanted": slanted @ turn.T + (3.0, -1.0),
        "ragged": rng.standard_t(2, size=(40, 2)),
        "three": np.array([(0.0, 0.0), (5.0, 1.0), (1.0, 3.0)]),
        "closing": np.random.default_rng(2).normal(size=(7, 2)),
    }


class Injected:
    """A projector that returns stored points."""

    def __init__(self, points: np.ndarray) -> None:
        self._points = points

    def fit_transform(self, rows: np.ndarray) -> np.ndarray:
        assert len(rows) == len(self._points)
        return self._points


def main() -> None:
    """Writes the file."""
    spec = importlib.util.find_spec("pyDeepInsight")
    for name in ("pyDeepInsight", "pyDeepInsight.utils"):
        stub = types.ModuleType(name)
        folder = pathlib.Path(spec.origin).parent
        stub.__path__ = [str(folder / "utils" if "." in name else folder)]
        sys.modules[name] = stub
    reference = importlib.import_module("pyDeepInsight.image_transformer")
    norm2 = importlib.import_module("pyDeepInsight.utils._norm2")
    rng = np.random.default_rng(6)
    arrays: dict[str, np.ndarray] = {}
    for name, points in clouds().items():
        train = rng.normal(size=(20, len(points)))
        unseen = rng.normal(size=(4, len(points))) * 0.5
        scaler = norm2.Norm2Scaler().fit(train)
        arrays[f"{name}/points"] = points
        arrays[f"{name}/train"] = train
        arrays[f"{name}/unseen"] = unseen
        arrays[f"{name}/norm2_train"] = scaler.transform(train)
        arrays[f"{name}/norm2_unseen"] = scaler.transform(unseen)
        low, high = train.min(axis=0), train.max(axis=0)
        scaled = ((unseen - low) / (high - low)).clip(0, 1)
        for shape in SHAPES:
            key = f"{name}/{shape[0]}x{shape[1]}"
            transformer = reference.ImageTransformer(
                Injected(points), pixels=shape
            )
            transformer.fit(np.zeros((1, len(points))))
            arrays[f"{key}/coords"] = transformer.coords()
            arrays[f"{key}/density"] = transformer.feature_density_matrix()
            for empty in (0, 1):
                arrays[f"{key}/images_{empty}"] = transformer.transform(
                    scaled, img_format="scalar", empty_value=empty
                )
            arrays[f"{key}/inverse"] = transformer.inverse_transform(
                arrays[f"{key}/images_0"]
            )
    np.savez_compressed(
        pathlib.Path(__file__).with_name("deepinsight.npz"), **arrays
    )


if __name__ == "__main__":
    main()
