"""One process at a time in the directory of a run."""

import contextlib
import pathlib
from collections.abc import Iterator

from tfrecords import files


@contextlib.contextmanager
def hold(workdir: pathlib.Path, *folders: str) -> Iterator[None]:
    """Holds a directory, and tidies up what a killed process left in it.

    Args:
        workdir: Directory of a run or a table; created.
        *folders: Patterns of the folders in it that are tidied up, too.

    Raises:
        RuntimeError: If another process holds it: says which, on which host
            and since when.
        OSError: If the directory cannot be written.
    """
    is_new = not workdir.exists()
    files.make_directory(workdir, "workdir")
    with files.lock(workdir):
        for folder in ("", *folders):
            for path in workdir.glob(f"{folder}/*{files.WRITING}".lstrip("/")):
                path.unlink()
        try:
            yield
        finally:
            # Whoever waits for this lock sees that its file is gone. One that
            # the disk does not let go bars nobody.
            with contextlib.suppress(OSError):
                (workdir / files.LOCK).unlink()
                if is_new:
                    workdir.rmdir()  # unless it holds something now
