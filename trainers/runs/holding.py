"""One process at a time in the directory of a run."""

import contextlib
import pathlib
from collections.abc import Iterator

from tfrecords import files


@contextlib.contextmanager
def hold(workdir: pathlib.Path) -> Iterator[None]:
    """Holds a directory, and tidies up what a killed process left in it.

    Args:
        workdir: Directory of a run or a table; created.

    Raises:
        RuntimeError: If another process holds it: says which, on which host
            and since when.
        OSError: If the directory cannot be written.
    """
    is_new = not workdir.exists()
    files.make_directory(workdir, "workdir")
    with files.lock(workdir):
        for path in workdir.glob(f"*{files.WRITING}"):
            path.unlink()
        try:
            yield
        finally:
            # Whoever waits for this lock sees that its file is gone.
            (workdir / files.LOCK).unlink(missing_ok=True)
            if is_new:
                with contextlib.suppress(OSError):  # it holds something now
                    workdir.rmdir()
