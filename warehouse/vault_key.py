"""The key outside of the database that seals the vault: X25519 (a file, or its text), or AWS KMS.

With X25519 the pipeline needs the public half only: what it seals it cannot open. Each batch of values has a data key
of its own, and each value is sealed with AES-256-GCM under it, bound to its token: a sealed value moved to another
token does not open. The data key is derived from a key pair made for the batch (ECDH, HKDF-SHA-256), or made and
wrapped by KMS, so that writing asks for kms:GenerateDataKey and reading for kms:Decrypt.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from warehouse.errors import SluiceError

NONCE = 12  # bytes, random: a batch holds far fewer than the 2**32 values that SP 800-38D allows under one key
SECRET, PUBLIC = "sluice-vault-secret:", "sluice-vault-public:"


class VaultKeyError(SluiceError):
    """The vault's key is missing, malformed, or not the one that sealed."""


@dataclass(frozen=True)
class Box:
    """A batch's data key, and what the vault keeps of it."""

    wrapped: bytes
    cipher: AESGCM

    def seal(self, token: str, value: bytes) -> bytes:
        """The sealed value; it opens for this token only."""
        nonce = os.urandom(NONCE)
        return nonce + self.cipher.encrypt(nonce, value, token.encode())

    def open(self, token: str, sealed: bytes) -> bytes:
        """The value. Raises VaultKeyError where it was sealed otherwise, or changed."""
        try:
            return self.cipher.decrypt(sealed[:NONCE], sealed[NONCE:], token.encode())
        except InvalidTag:
            raise VaultKeyError("A value of the vault does not open: it was changed, or belongs elsewhere.") from None


@dataclass(frozen=True)
class X25519Key:
    """A key pair, or its public half."""

    public: bytes
    secret: bytes | None = None
    kind: str = "x25519"

    @property
    def name(self) -> str:
        """What the vault calls it; says nothing about the secret half."""
        return "x25519:" + sha256(self.public).hexdigest()[:16]

    def new_box(self) -> Box:
        """A data key that nobody but the holder of the secret half gets at again."""
        once = X25519PrivateKey.generate()
        shared = once.exchange(X25519PublicKey.from_public_bytes(self.public))
        wrapped = once.public_key().public_bytes_raw()
        return Box(wrapped, self._cipher(shared, wrapped))

    def box(self, wrapped: bytes) -> Box:
        """The data key of a batch. Raises VaultKeyError without the secret half."""
        if self.secret is None:
            raise VaultKeyError("SLUICE_VAULT_KEY holds the public half only: it seals, and opens nothing.")
        shared = X25519PrivateKey.from_private_bytes(self.secret).exchange(X25519PublicKey.from_public_bytes(wrapped))
        return Box(wrapped, self._cipher(shared, wrapped))

    def _cipher(self, shared: bytes, wrapped: bytes) -> AESGCM:
        derive = HKDF(SHA256(), length=32, salt=None, info=b"sluice vault" + wrapped + self.public)
        return AESGCM(derive.derive(shared))


@dataclass(frozen=True)
class KmsKey:
    """A key that AWS KMS holds, by its id, ARN or alias."""

    key_id: str
    kind: str = "kms"
    public: None = None

    @property
    def name(self) -> str:
        """What the vault calls it."""
        return f"kms:{self.key_id}"

    def new_box(self) -> Box:
        """A data key made by KMS (kms:GenerateDataKey)."""
        made = _kms("generate_data_key", KeyId=self.key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)
        return Box(made["CiphertextBlob"], AESGCM(made["Plaintext"]))

    def box(self, wrapped: bytes) -> Box:
        """The data key of a batch (kms:Decrypt)."""
        opened = _kms("decrypt", KeyId=self.key_id, CiphertextBlob=wrapped, EncryptionContext=CONTEXT)
        return Box(wrapped, AESGCM(opened["Plaintext"]))


CONTEXT = {"sluice": "vault"}
VaultKey = X25519Key | KmsKey


def _kms(call: str, **arguments: Any) -> dict[str, Any]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: dict[str, Any] = getattr(boto3.Session().client("kms"), call)(**arguments)
    except (BotoCoreError, ClientError) as error:
        raise VaultKeyError(f"KMS does not do what the vault needs: {error}") from error
    return answer


def parse(setting: str) -> VaultKey:
    """The key that SLUICE_VAULT_KEY means. Raises VaultKeyError; its text never quotes the setting."""
    if setting.startswith("kms:"):
        return KmsKey(setting.removeprefix("kms:"))
    if not setting.startswith((SECRET, PUBLIC)):
        try:
            file = Path(setting).expanduser()
            setting = file.read_text().strip()
        except (OSError, ValueError):
            raise VaultKeyError("SLUICE_VAULT_KEY names no file that can be read, and is no key itself.") from None
        if setting.startswith(SECRET) and file.stat().st_mode & 0o007:
            raise VaultKeyError(f"{file} opens the vault, and every user of this machine may read it: chmod 600 {file}")
    try:
        if setting.startswith(SECRET):
            secret = base64.b64decode(setting.removeprefix(SECRET), validate=True)
            public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
            return X25519Key(public, secret)
        public = base64.b64decode(setting.removeprefix(PUBLIC), validate=True)
        X25519PublicKey.from_public_bytes(public)
        return X25519Key(public)
    except (ValueError, binascii.Error):
        raise VaultKeyError("SLUICE_VAULT_KEY is no key of `sluice pii key`; make one, or name the file.") from None


def make(file: Path) -> tuple[Path, Path]:
    """Write a new key pair: `file` (the secret half, for its owner's eyes) and `file`.pub (for the pipeline)."""
    secret = X25519PrivateKey.generate()
    public = file.with_name(file.name + ".pub")
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(SECRET + base64.b64encode(secret.private_bytes_raw()).decode() + "\n")
        public.write_text(PUBLIC + base64.b64encode(secret.public_key().public_bytes_raw()).decode() + "\n")
    except OSError as error:
        raise VaultKeyError(f"{file} cannot be written: {error.strerror}; a key that is there is kept.") from error
    return file, public
