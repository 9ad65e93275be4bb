"""A key made on the spot, with the real gpg, to sign repositories with."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.packages.machine import PackagesError

OWNER = "isv:kubernetes OBS Project <isv:kubernetes@build.opensuse.org>"
"""As the key of pkgs.k8s.io names itself."""


class Key:
    """A signing key in a home of its own for gpg; `public` is the keyring that `signed-by` wants."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.public = self._gpg("--export")

    @property
    def fingerprint(self) -> str:
        """That of the primary key, in capital hex."""
        rows = (line.split(":") for line in self._gpg("--list-keys", "--with-colons").decode().splitlines())
        return next(row[9] for row in rows if row[0] == "fpr")

    def prolong(self, validity: str) -> None:
        """Let it end so much after now, in gpg's words; what was exported before knows nothing of it."""
        self._gpg("--passphrase", "", "--quick-set-expire", self.fingerprint, validity)
        self.public = self._gpg("--export")

    def sign(self, text: bytes) -> bytes:
        """`text` with a signature around it, as an InRelease file is."""
        return self._gpg("--clearsign", text=text)

    def detached(self, text: bytes) -> bytes:
        """A signature of `text`, as it lies beside repomd.xml."""
        return self._gpg("--armor", "--detach-sign", text=text)

    def armored(self) -> bytes:
        """The public key in armor, as rpm imports it."""
        return self._gpg("--armor", "--export")

    def _gpg(self, *arguments: str, text: bytes = b"") -> bytes:
        return _gpg(self._home, *arguments, text=text)


@contextmanager
def key(validity: str = "2y", *, made: str = "", algorithm: str = "ed25519") -> Iterator[Key]:
    """A new key, which ends after `validity` in gpg's words (`2y`, `3d`, `seconds=5`), and is gone afterwards.

    `made` is when it was made, for one that has ended long ago (`20240101T000000`); empty for now.
    """
    with tempfile.TemporaryDirectory(prefix="gpg-") as name:
        home = Path(name)
        try:
            then = ["--faked-system-time", made] if made else []
            _gpg(home, *then, "--passphrase", "", "--quick-generate-key", OWNER, algorithm, "sign", validity)
            yield Key(home)
        finally:
            subprocess.run(["gpgconf", "--homedir", name, "--kill", "all"], capture_output=True, check=False)


def _gpg(home: Path, *arguments: str, text: bytes = b"") -> bytes:
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    if done.returncode:
        raise PackagesError(f"gpg {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
