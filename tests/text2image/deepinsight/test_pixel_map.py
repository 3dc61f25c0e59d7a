"""The fitted map: reference parity, bounds, what is saved."""

import csv
import json
import pathlib
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2image import options
from text2image.deepinsight import pixel_map, scaling, statistics

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
CLOUDS = ("slanted", "ragged", "three", "closing")
SHAPES = ("12x12", "9x20", "20x9")


def fit(points, shape, **settings):
    stats = statistics.FeatureStatistics.empty(len(points))
    rng = np.random.default_rng(0)
    stats.update(rng.normal(size=(10, len(points))).astype(np.float32))
    return pixel_map.fit_pixel_map(
        points,
        shape,
        scaling.fit_scaler("norm1", stats),
        **settings,
    )


@pytest.fixture
def fitted(rng):
    return fit(
        rng.normal(size=(12, 2)),
        (4, 6),
        provenance={"layers": [2, 3, 4], "name": "café"},
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_compat_coordinates_are_pydeepinsights(cloud, shape):
    with np.load(GOLDEN / "deepinsight.npz") as golden:
        points = golden[f"{cloud}/points"]
        coords = golden[f"{cloud}/{shape}/coords"]
        density = golden[f"{cloud}/{shape}/density"]
        images = golden[f"{cloud}/{shape}/images_0"]
        inverse = golden[f"{cloud}/{shape}/inverse"]
    height, width = map(int, shape.split("x"))
    fitted = fit(points, (height, width), compat=True)
    np.testing.assert_array_equal(fitted.coords, coords)
    np.testing.assert_array_equal(fitted.density()[..., 0], density)
    np.testing.assert_array_equal(fitted.inverse(images[..., None]), inverse)


def test_the_golden_file_is_small():
    assert (GOLDEN / "deepinsight.npz").stat().st_size < 100_000


def test_without_compat_the_smaller_rectangle_is_used():
    with np.load(GOLDEN / "deepinsight.npz") as golden:
        points = golden["ragged/points"]
    areas = [
        np.linalg.norm(
            np.diff(fit(points, (9, 9), compat=c).rectangle, axis=0), axis=1
        )[:2].prod()
        for c in (False, True)
    ]
    assert areas[0] < areas[1]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    compat=st.booleans(),
)
def test_coordinates_are_in_bounds_and_fill_the_image(seed, shape, compat):
    points = np.random.default_rng(seed).normal(size=(15, 2))
    fitted = fit(points, shape, compat=compat)
    assert (fitted.coords.min(axis=0) == 0).all()
    assert (fitted.coords.max(axis=0) == np.array(shape) - 1).all()
    assert fitted.density().shape == (*shape, 1)
    assert fitted.density().sum() == 15


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_permuting_features_permutes_coordinates(seed):
    rng = np.random.default_rng(seed)
    points, order = rng.normal(size=(15, 2)), rng.permutation(15)
    np.testing.assert_array_equal(
        fit(points[order], (6, 4)).coords, fit(points, (6, 4)).coords[order]
    )


def test_moving_and_scaling_the_plane_does_not_change_the_map(rng):
    points = rng.normal(size=(30, 2))
    # Powers of two: the arithmetic stays exact.
    np.testing.assert_array_equal(
        fit(points * 4, (7, 5)).coords, fit(points, (7, 5)).coords
    )


def test_the_averaging_matrix_averages(fitted, rng):
    matrix = fitted.averaging_matrix().toarray()
    occupied = fitted.density().ravel() > 0
    # Float32 thirds.
    np.testing.assert_allclose(matrix.sum(axis=1), occupied, atol=1e-6)
    assert ((matrix > 0).sum(axis=0) == 1).all(), "one pixel a feature"
    rows, columns = np.nonzero(matrix)
    np.testing.assert_array_equal(fitted.pixel_index[columns], rows)


def test_inverse_reads_each_feature_from_its_pixel(rng):
    channel = np.repeat([0, 1, 2], 4)
    fitted = fit(rng.normal(size=(12, 2)), (4, 6), channel=channel)
    images = rng.normal(size=(2, 4, 6, 3))
    back = fitted.inverse(images)
    assert back.shape == (2, 12)
    for feature, (row, column) in enumerate(fitted.coords):
        np.testing.assert_array_equal(
            back[:, feature], images[:, row, column, channel[feature]]
        )


def test_features_alone_on_their_pixel_survive_the_round_trip(rng):
    x, y = np.meshgrid(np.arange(5.0), np.arange(3.0))
    fitted = fit(np.stack([x.ravel(), y.ravel()], axis=1), (3, 5))
    assert fitted.density().max() == 1
    rows = rng.uniform(size=(4, 15)).astype(np.float32)
    images = (fitted.averaging_matrix() @ rows.T).T.reshape(4, 3, 5, 1)
    np.testing.assert_array_equal(fitted.inverse(images), rows)


@pytest.mark.parametrize("shape", [(2, 6, 4), (2, 4, 5, 1), (2, 4, 6, 3)])
def test_inverse_refuses_images_with_a_different_shape(fitted, shape):
    with pytest.raises(ValueError, match=r"must be \(N, \*\(4, 6, 1\)\)"):
        fitted.inverse(np.zeros(shape))


def test_a_saved_map_is_restored(fitted, tmp_path):
    fitted.save(tmp_path)
    again = pixel_map.PixelMap.load(tmp_path)
    for name in ("coords", "points", "hull", "rectangle"):
        one, other = getattr(again, name), getattr(fitted, name)
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert again.image_shape == fitted.image_shape == (4, 6, 1)
    assert again.provenance == fitted.provenance
    assert again.scaler.kind == "norm1"
    row = np.linspace(-1, 1, 12, dtype=np.float32)[None]
    np.testing.assert_array_equal(
        again.scaler.transform(row), fitted.scaler.transform(row)
    )


def test_saving_twice_gives_the_same_bytes(fitted, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fitted.save(tmp_path / name)
    for file in ("pixel_map.npz", "pixel_map.json", "pixel_map.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (
            tmp_path / "two" / file
        ).read_bytes()


def test_the_csv_names_layer_dimension_and_pixel(fitted, tmp_path):
    fitted.save(tmp_path)
    with (tmp_path / "pixel_map.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    for feature, row in enumerate(rows):
        assert {name: int(value) for name, value in row.items()} == {
            "feature": feature,
            "layer": [2, 3, 4][feature // 4],
            "dimension": feature % 4,
            "row": fitted.coords[feature, 0],
            "column": fitted.coords[feature, 1],
            "channel": 0,
        }


def test_a_missing_map_is_refused_with_the_cure(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m tfrecords\.build"):
        pixel_map.PixelMap.load(tmp_path)


def cut(path):
    path.write_bytes(path.read_bytes()[:20])


def empty(path):
    path.write_bytes(b"")


def version_one(path):
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"format_version": 1}))


def drop_coords(path):
    with np.load(path) as archive:
        arrays = {n: archive[n] for n in archive.files if n != "coords"}
    np.savez(path, **arrays)


def pickled(path):
    with np.load(path) as archive:
        arrays = {n: archive[n] for n in archive.files}
    np.savez(path, **(arrays | {"coords": np.array([{}], dtype=object)}))


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("pixel_map.npz", cut),
        ("pixel_map.npz", empty),
        ("pixel_map.npz", drop_coords),
        ("pixel_map.npz", pickled),
        ("pixel_map.npz", flip),
        ("pixel_map.json", cut),
        ("pixel_map.json", empty),
        ("pixel_map.json", version_one),
        ("pixel_map.json", pathlib.Path.unlink),
        ("pixel_map.json", lambda path: path.write_bytes(b"\xff\xfe{")),
        ("pixel_map.json", lambda path: path.write_text("[1]")),
    ],
)
def test_a_damaged_map_is_refused_with_its_path(fitted, tmp_path, file, damage):
    fitted.save(tmp_path)
    damage(tmp_path / file)
    with pytest.raises(ValueError, match="is not a pixel map of format 2"):
        pixel_map.PixelMap.load(tmp_path)


def test_a_map_can_be_moved_to_another_directory(fitted, tmp_path):
    (tmp_path / "here").mkdir()
    fitted.save(tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert pixel_map.PixelMap.load(tmp_path / "there").num_features == 12


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((4, 2)), "1 distinct of 4"),
        (np.outer(np.arange(4.0), (1, 2)), "one line"),
        (np.array([(0, 0), (1, 1), (0, np.nan)]), "finite"),
    ],
)
def test_points_without_an_area_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        fit(points, (4, 4))


def test_channels_are_averaged_separately(rng):
    channel = np.arange(12) % 3
    points = rng.normal(size=(12, 2))
    fitted = fit(points, (2, 2), channel=channel)
    assert fitted.image_shape == (2, 2, 3)
    rows = rng.uniform(size=(5, 12)).astype(np.float32)
    images = (fitted.averaging_matrix() @ rows.T).T.reshape(5, 2, 2, 3)
    np.testing.assert_array_equal(
        fitted.coords, fit(points, (2, 2)).coords, "one plane for all"
    )
    for row, column, number in np.ndindex(2, 2, 3):
        members = (fitted.coords == (row, column)).all(1) & (channel == number)
        expected = (
            rows[:, members].mean(axis=1) if members.any() else np.zeros(5)
        )
        np.testing.assert_allclose(
            images[:, row, column, number], expected, atol=1e-6
        )


def test_nearest_fill_shows_the_nearest_occupied_pixel(rng):
    channel = np.repeat([0, 1], 6)
    points = rng.normal(size=(12, 2))
    empty = fit(points, (7, 9), channel=channel)
    filled = fit(points, (7, 9), channel=channel, fill="nearest")
    rows = rng.uniform(0.5, 1, size=(2, 12)).astype(np.float32)
    zero, nearest = (
        (fitted.averaging_matrix() @ rows.T).T.reshape(2, 7, 9, 2)
        for fitted in (empty, filled)
    )
    for number in (0, 1):
        occupied = np.argwhere(empty.density()[..., number])
        for row, column in np.ndindex(7, 9):
            ways = np.square(occupied - (row, column)).sum(axis=1)
            closest = occupied[ways == ways.min()]
            expected = zero[:, closest[:, 0], closest[:, 1], number]
            filled = nearest[:, row, column, number]
            assert (expected == filled[:, None]).all(axis=0).any()


def test_shuffling_moves_features_but_keeps_the_pixels(rng):
    channel = np.repeat([0, 1], 20)
    points = rng.normal(size=(40, 2))
    fitted, shuffled, again = (
        fit(points, (5, 5), channel=channel, shuffle_seed=seed)
        for seed in (None, 3, 3)
    )
    np.testing.assert_array_equal(fitted.density(), shuffled.density())
    np.testing.assert_array_equal(shuffled.coords, again.coords)
    moved = (fitted.coords != shuffled.coords).any(axis=1)
    assert moved.mean() > 0.5


@pytest.mark.parametrize("fill", options.FILLS)
def test_a_map_with_channels_is_restored(fill, rng, tmp_path):
    fitted = fit(
        rng.normal(size=(12, 2)),
        (6, 5),
        channel=np.repeat([0, 1, 2], 4),
        assignment="lsa",
        fill=fill,
    )
    assert fitted.density().max() == 1
    fitted.save(tmp_path)
    again = pixel_map.PixelMap.load(tmp_path)
    assert again.fill == fill
    assert again.image_shape == (6, 5, 3)
    assert (again.averaging_matrix() != fitted.averaging_matrix()).nnz == 0
