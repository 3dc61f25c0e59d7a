"""What a part of the campaign found: counts, failures, a table."""

import collections
import sys


class Part:
    """Counts what was tried and keeps what failed."""

    def __init__(self, title, what):
        """Stores the arguments.

        Args:
            title: Title of the table.
            what: What its rows count.
        """
        self.title, self.what = title, what
        self.counts = collections.Counter()
        self.failures = []

    def count(self, name, number=1):
        """Notes that something was tried."""
        self.counts[name] += number

    def fail(self, story, ended=None):
        """Notes a failure, and says so at once."""
        if ended is not None:
            story += f" -> {ended.code}: {ended.sentence[:300]}"
        self.failures.append(story)
        sys.stderr.write(f"FAILED {story}\n")
        if ended is not None and ended.fault:
            sys.stderr.write(ended.log[-1500:] + "\n")

    def check(self, story, differences, ended):
        """Fails unless a program succeeded and left the expected files."""
        if ended.code != 0 or ended.fault:
            self.fail(story, ended)
        elif differences:
            shown = "; ".join(differences[:4])
            self.fail(f"{story}: {len(differences)} files: {shown}")
        else:
            return True
        return False

    def markdown(self):
        """The table, and the failures as a list."""
        lines = [f"### {self.title}", "", f"| {self.what} | number |"]
        lines += ["| --- | ---: |"]
        lines += [f"| {name} | {n} |" for name, n in self.counts.items()]
        lines += [f"| failures | {len(self.failures)} |", ""]
        lines += [f"- {failure}" for failure in self.failures]
        return "\n".join(lines)
