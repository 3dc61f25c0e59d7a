"""A wheel of the tracked files installs and runs outside the repository."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.commands import ROOT


def run(*arguments, **keywords):
    finished = subprocess.run(
        arguments, capture_output=True, text=True, check=False, **keywords
    )
    assert finished.returncode == 0, finished.stderr[-4000:]
    return finished.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Where a wheel is installed that was built from a clean checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    checkout = directory / "checkout"
    for name in run("git", "ls-files", "-z", cwd=ROOT).split("\0")[:-1]:
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, checkout / name)
    pip = (sys.executable, "-m", "pip", "--quiet", "--no-input")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", directory, checkout)
    (wheel,) = directory.glob("*.whl")
    run(*pip, "install", "--no-deps", "--target", directory / "site", wheel)
    return directory / "site"


@pytest.mark.slow
def test_the_demo_runs_from_a_wheel_outside_the_repository(site, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(site)}
    program = (
        "import sys, trainers.__main__ as commands; "
        "assert commands.__file__.startswith(sys.argv[1]), commands.__file__; "
        "sys.exit(commands.main(sys.argv[2:]))"
    )
    run(
        *(sys.executable, "-c", program, str(site)),
        *("run", "--backbone=shufflenet", "--workdir=demo"),
        cwd=tmp_path,
        env=environment,
    )
    metrics = json.loads((tmp_path / "demo" / "metrics.json").read_text())
    # 352 texts, the larger class has 176: well above guessing.
    assert metrics["accuracy"] > 0.6
    assert (tmp_path / "demo" / "report.md").is_file()
    assert (tmp_path / "demo/export/1/saved_model.pb").is_file()
    assert (site / "bin" / "text-as-image").is_file()
