"""An object store behind the functions of tf.io.gfile, in this process.

As in S3 and Google's: an object appears when it is closed, whole or not at
all; there are no directories, only names with slashes; a rename is a copy.
"""

import fnmatch
import io
import types

from tensorflow import errors


class ObjectStore:
    """What `paths` calls of tf.io.gfile."""

    def __init__(self):
        self.objects = {}
        self.copies = []

    def GFile(self, name, mode):
        return _Stream(self, name, mode)

    def exists(self, name):
        return name in self.objects or self.isdir(name)

    def isdir(self, name):
        return any(other.startswith(name + "/") for other in self.objects)

    def listdir(self, name):
        below = [o for o in self.objects if o.startswith(name + "/")]
        if not below:
            raise errors.NotFoundError(None, None, name)
        rests = [other[len(name) + 1 :] for other in below]
        # Google's marks what has names below it by a slash.
        return sorted({r.split("/")[0] + "/" * ("/" in r) for r in rests if r})

    def glob(self, pattern):
        return fnmatch.filter(self.objects, pattern)

    def stat(self, name):
        return types.SimpleNamespace(length=len(self.read(name)), mtime_nsec=1)

    def makedirs(self, name):
        """Leaves a marker, as Google's does: there are no directories."""
        self.objects[name + "/"] = b""

    def remove(self, name):
        self.read(name)
        del self.objects[name]

    def rmtree(self, name):
        for other in [o for o in self.objects if o.startswith(name + "/")]:
            del self.objects[other]

    def rename(self, name, target, overwrite):
        assert overwrite
        self.copies.append(name)
        self.objects[target] = self.read(name)
        del self.objects[name]

    def get_registered_schemes(self):
        return ["objects"]

    def read(self, name):
        if name not in self.objects:
            raise errors.NotFoundError(None, None, name)
        return self.objects[name]


class _Stream:
    def __init__(self, store, name, mode):
        assert mode in ("rb", "wb", "ab"), mode
        self._store, self._name, self._mode = store, name, mode
        self._content = None

    def _open(self):
        if self._content is None:  # late, as TensorFlow's
            self._content = io.BytesIO()
            if self._mode == "rb" or (
                self._mode == "ab" and self._name in self._store.objects
            ):
                self._content.write(self._store.read(self._name))
            if self._mode == "rb":
                self._content.seek(0)
        return self._content

    def read(self, size=-1):
        return self._open().read(size)

    def write(self, content):
        self._open().write(content)

    def seek(self, offset, whence):
        self._open().seek(offset, whence)

    def tell(self):
        return self._open().tell()

    def close(self):
        if self._mode != "rb":
            self._store.objects[self._name] = self._open().getvalue()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
