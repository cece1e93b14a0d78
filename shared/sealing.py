"""Sealing what only its owner may read: AES-256-GCM; a key for each complaint, under master keys that may change."""

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_BYTES = 32


class DataKey:
    """One key for one thing, so that the thing is gone once the key is. `context` (for instance the complaint id)
    must be the same at sealing and at opening."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _BYTES:
            raise ValueError(f"a key must be {_BYTES} bytes")
        self.key = key
        self._cipher = AESGCM(key)

    @classmethod
    def fresh(cls) -> Self:
        """A new random key."""
        return cls(os.urandom(_BYTES))

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """`plain` sealed: 12 random bytes of nonce, then ciphertext with its tag."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed. ValueError where the key or the context is another one."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
        except InvalidTag:
            raise ValueError("this was sealed with another key or for another context") from None


class Seal:
    """The master keys, oldest first: the newest seals, all of them open.

    Subkeys are derived from the oldest: what they name (tickets, pseudonyms) must outlive a change of masters.
    """

    def __init__(self, *masters: bytes) -> None:
        if not masters or any(len(master) != _BYTES for master in masters):
            raise ValueError(f"a master key must be {_BYTES} bytes")
        self._oldest = masters[0]
        self._ciphers = [DataKey(_derived(master, "sealing")) for master in reversed(masters)]
        self.names = tuple(hashlib.sha256(_derived(master, "name")).hexdigest()[:16] for master in masters)
        """The masters' names, by which it is known what each has sealed."""
        self.id = self.names[-1]
        """The newest master's name."""

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The master keys in `path`, one a line, oldest first: 32 random bytes in base64."""
        try:
            lines = path.read_bytes().split()
            return cls(*(base64.b64decode(line, validate=True) for line in lines))
        except (OSError, binascii.Error, ValueError) as wrong:
            raise SystemExit(f"cannot start: the master key file {path} is unreadable: {wrong}") from None

    def derive(self, purpose: str) -> bytes:
        """A 32-byte subkey for one purpose (tickets, pseudonyms, …): HKDF-SHA256 of the oldest master key."""
        return _derived(self._oldest, purpose)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """`plain` sealed with the newest master."""
        return self._ciphers[0].seal(plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed, by whichever master. ValueError where it was another one's, or the context is another."""
        for cipher in self._ciphers[:-1]:
            try:
                return cipher.open(sealed, context)
            except ValueError:
                continue
        return self._ciphers[-1].open(sealed, context)

    def wrap(self, key: DataKey, context: bytes) -> bytes:
        """A data key, sealed with the newest master."""
        return self.seal(key.key, b"data key " + context)

    def unwrap(self, wrapped: bytes, context: bytes) -> DataKey:
        """The data key that was wrapped. ValueError as in `open`."""
        return DataKey(self.open(wrapped, b"data key " + context))


def _derived(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=b"simpul/" + purpose.encode()).derive(
        master
    )
