"""The learning curve's command line, from texts to the report."""

import pytest

from trainers import learning_curve
from trainers.experiments import curve_methods


@pytest.fixture
def make_curve(reviews, tiny_bert, tmp_path, monkeypatch):
    """Runs the command in a directory of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*typed):
        return learning_curve.main(
            [
                f"--dataset={reviews}",
                f"--encoder={tiny_bert}",
                "--max_tokens=32",
                "--channels=grey",
                "--assignment=bin",
                "--image_height=16",
                "--image_width=16",
                "--perplexity=5",
                "--weights=random",
                "--epochs=2",
                "--min_steps=2",
                "--sizes=4,all",
                "--draws=2",
                "--workdir=curve",
                *typed,
            ]
        )

    return run


def test_methods_are_those_of_the_flag():
    assert tuple(curve_methods.METHODS) == learning_curve.METHODS


@pytest.mark.slow
def test_every_method_is_fitted_and_compared(make_curve, tmp_path):
    assert make_curve("--sizes=6", "--draws=1") == 0
    results = list(tmp_path.glob("curve/results-*/*.json"))
    assert len(results) == len(curve_methods.METHODS)
    report = (tmp_path / "curve/report.md").read_text("utf-8")
    assert "against logistic regression on the stacks" in report


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--sizes=10,some", "'some'"),
        ("--sizes=1", "2 or more"),
        ("--sizes=", "'nothing'"),
        ("--methods=", "'nothing'"),
        ("--methods=lr_stacks,svm", "'svm'"),
        ("--autoencoder=symmetric", "--autoencoder=linear"),
        ("--normalization=batch", "computed once"),
        ("--layers=last9", "`layers` must name layers among"),
        ("--projection=pca", "--perplexity would have no effect"),
        ("--methods=tfidf", "--min_steps would have no effect"),
        ("--l2=0.1 --methods=no_slice", "--l2 would have no effect"),
    ],
)
def test_flags_no_curve_could_use_are_refused(
    make_curve, tmp_path, capsys, typed, message
):
    assert make_curve(*typed.split()) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("name", ["class_weight", "precision", "slice_lr"])
def test_what_changes_no_curve_is_no_flag(make_curve, capsys, name):
    with pytest.raises(SystemExit):
        make_curve(f"--{name}=1")
    assert f"there is no flag --{name}" in capsys.readouterr().err
