"""A run in a temporary directory that lives and travels with its estimator."""

import pathlib
import shutil
import tempfile
import weakref
from typing import Any

import sklearn.base

from tfrecords import files


class RunDirectory(sklearn.base.BaseEstimator):
    """An estimator with a directory of runs, `directory`, or a temporary one.

    A temporary one is removed with the estimator; a copy by `pickle` or
    `copy.deepcopy` has one of its own, with the same run.

    Attributes:
        directory: Parameter; `None` for a temporary directory.
        workdir_: Directory of the run.
    """

    directory: str | pathlib.Path | None
    workdir_: pathlib.Path
    _temporary: str | None

    def _make_directory(self) -> pathlib.Path:
        """Returns the directory of runs, created if it is missing."""
        self._temporary = None
        if self.directory is None:
            return self._make_temporary()
        directory = pathlib.Path(self.directory)
        files.make_directory(directory, "directory")
        return directory

    def _make_temporary(self) -> pathlib.Path:
        path = tempfile.mkdtemp(prefix="text-as-image-")
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        self._temporary = path
        return pathlib.Path(path)

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the loaded model; a temporary run goes along."""
        state = {**super().__getstate__(), "_model": None}
        if state.get("_temporary"):
            state["_files"] = {
                str(path.relative_to(self.workdir_)): path.read_bytes()
                for path in self.workdir_.rglob("*")
                if path.is_file()
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpacks a temporary run."""
        contents = state.pop("_files", None)
        super().__setstate__(state)
        if contents is None:
            return
        self.workdir_ = self._make_temporary() / self.workdir_.name
        for name, content in contents.items():
            path = self.workdir_ / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
