"""A job's directory: prepared once, copied for every trial, compared."""

import dataclasses
import functools
import hashlib
import pathlib
import re
import shutil

from tests.campaign import programs
from tests.campaign.server import Server

# Files whose bytes hold a time; what two undisturbed runs have in common is
# compared apart from these.
TIMED = {
    r".*/tensorboard/.*": "TensorBoard's events hold times and the host's name",
}
_TIMED = re.compile("|".join(TIMED))


@dataclasses.dataclass
class Jobs:
    """Directories below one place.

    A trial always lies at `<place>/job`: some files hold its path.
    """

    place: pathlib.Path
    server: Server

    @property
    def job(self):
        """Directory of the trial."""
        return self.place / "job"

    def base(self, program):
        """Returns the directory from which a program starts, made once."""
        base = self.place / f"before-{program}"
        if not base.is_dir():
            self._make(program, base)
        return base

    def _make(self, program, base):
        after = programs.PROGRAMS[program].after
        if not after:
            programs.write_sources(base)
            return
        *_, last = after
        if last == "images":
            self._copy(self.done(after[-2]), self.job)
            programs.link_images(self.job)
        else:
            self._copy(self.done(last), self.job)
        self._copy(self.job, base)

    def done(self, program):
        """Returns the directory as a program leaves it undisturbed."""
        done = self.place / f"after-{program}"
        if not done.is_dir():
            self.start(program)
            ended = self.run(program)
            if ended.code:
                raise RuntimeError(f"{program}: {ended.log}")
            self._copy(self.job, done)
        return done

    def start(self, program):
        """Makes the trial's directory as it is before a program."""
        self._copy(self.base(program), self.job)

    def start_after(self, program):
        """Makes the trial's directory as a program leaves it."""
        self._copy(self.done(program), self.job)

    def run(self, program, **task):
        """Runs a program in the trial's directory."""
        command = programs.PROGRAMS[program].command
        if "calls" in task:
            task["calls"] = {"under": str(self.job), **task["calls"]}
        return self.server.run(command, self.job, **task)

    def differences(self, program):
        """Compares the trial's directory with the undisturbed one."""
        return differences(self._expected(program), tree(self.job))

    @functools.lru_cache(maxsize=16)  # noqa: B019 (as long as the campaign)
    def _expected(self, program):
        return tree(self.done(program))

    __hash__ = object.__hash__

    @staticmethod
    def _copy(source, target):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True)


def tree(directory):
    """Name to sha256 of every file, hidden ones too; `timed` for some."""
    result = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if _TIMED.fullmatch(name):
            continue
        if path.is_symlink():
            result[name] = f"to {path.readlink()}"
        elif path.is_file():
            result[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            result[name] = "folder"
    return result


def differences(expected, received):
    """One line per file that is missing, left over or different."""
    lines = []
    for name in sorted(expected.keys() | received.keys()):
        if name not in received:
            lines.append(f"{name} missing")
        elif name not in expected:
            lines.append(f"{name} left over")
        elif expected[name] != received[name]:
            lines.append(f"{name} differs")
    return lines
