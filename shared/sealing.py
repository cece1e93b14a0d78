"""Sealing what only its owner may read: AES-256-GCM, with subkeys derived from one master key."""

import base64
import binascii
import os
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class Seal:
    """Seals and opens bytes; `context` (for instance the complaint id) must be the same both times."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise ValueError("the master key must be 32 bytes")
        self._master = master
        self._cipher = AESGCM(self.derive("sealing"))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The seal whose master key stands in `path`: 32 random bytes in base64."""
        try:
            return cls(base64.b64decode(path.read_bytes().strip(), validate=True))
        except (OSError, binascii.Error, ValueError) as wrong:
            raise SystemExit(f"cannot start: the master key file {path} is unreadable: {wrong}") from None

    def derive(self, purpose: str) -> bytes:
        """A 32-byte subkey for one purpose (tickets, pseudonyms, …): HKDF-SHA256 of the master key."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"simpul/" + purpose.encode()).derive(
            self._master
        )

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
