"""The metadata files of a products folder, and one digest for all of them."""

from collections.abc import Iterator
from pathlib import Path

from headgate.generator.cache import Cache, digest
from headgate.generator.file_digests import FileDigests
from headgate.generator.metadata.files import Files, find
from headgate.generator.steps import own_folder

# The digest of inputs of which one changed while they were read: no later run has it.
MIXED = "changed while it was read"


class Inputs:
    """`files` under `root`, and the `digest` of their paths and contents: equal digest, equal mesh and findings."""

    def __init__(self, root: Path, cache: Cache) -> None:
        self.root = root
        self.files: Files = find(root)
        self._contents: dict[Path, bytes] = {}
        self._errors: dict[Path, OSError] = {}
        self._digests: dict[Path, str] = {}
        digests, parts = FileDigests(cache, "metadata files"), [str(root)]
        for path in (*self.files.paths(), *_own_types(root)):
            name = str(path)
            try:
                found, data = digests.of(name, name)
            except OSError as error:
                self._errors[path] = error
                parts += (name, str(error.strerror))
            else:
                self._digests[path] = found
                parts += (name, found)
                if data is not None:
                    self._contents[path] = data
        for each in self.files.misplaced:
            parts += (str(each.file), each.found)
        self.digest = digest("\0".join(parts).encode())

    def digest_of(self, path: Path) -> str:
        """The digest of the file's content. Raises OSError where it cannot be read."""
        if path in self._errors:
            raise self._errors[path]
        return self._digests[path]

    def data(self, path: Path) -> bytes:
        """The file's content; `digest_of` agrees with it from then on. Raises OSError."""
        if path in self._errors:
            raise self._errors[path]
        if path not in self._contents:
            data = path.read_bytes()
            found = digest(data)
            if self._digests.get(path) != found:
                self.digest = MIXED
            self._contents[path], self._digests[path] = data, found
        return self._contents[path]


def _own_types(root: Path) -> Iterator[Path]:
    """The files of the project's own step types that the generator reads."""
    for each in sorted(own_folder(root).glob("*/*")):
        if each.suffix in (".json", ".yaml", ".py", ".j2"):
            yield each
