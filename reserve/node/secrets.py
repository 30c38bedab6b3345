"""Files that never leave this machine: keys and sign-in files, told by their names and by what is in them."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath

FOLDERS = {".ssh", ".aws", ".azure", ".config", ".docker", ".gnupg", ".kube", ".gcloud", ".local"}
NAMES = (
    *("clouds.y*ml", "secure.y*ml", "*openrc*", "app-cred-*", "kubeconfig*", "kaggle.json", "credentials*.json"),
    *("*.pem", "*.key", "*.ppk", "*.p12", "*.pfx", "*.kdbx", "*.keytab", "*.jks", "*.gpg", "*.token"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*_rsa", "*_ed25519"),
    *(".netrc", "_netrc", ".env", ".env.*", ".git-credentials", ".pypirc", ".npmrc", ".pgpass", ".htpasswd"),
)
"""What is secret whatever is in it; case does not count. Public keys (`*.pub`) are no secrets."""
SETTINGS = {
    "",
    ".sh",
    ".bash",
    ".zsh",
    ".fish",
    ".rc",
    ".txt",
    ".yaml",
    ".yml",
    ".json",
    ".toml",
    ".ini",
    ".cfg",
    ".env",
}
"""Endings of files that hold settings: in code and documents, the names of settings are no secrets."""
KEY = re.compile(
    rb"^(-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----\s*$|PuTTY-User-Key-File-\d)|\bAKIA[0-9A-Z]{16}\b"
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bhf_[A-Za-z0-9]{34}\b",
    re.M,
)
SETTING = re.compile(
    rb"^\W*(export\s+|set\s+|setx\s+|-x\s+)*\W*"
    rb"(OS_PASSWORD|OS_TOKEN|OS_ACCESS_TOKEN|OS_APPLICATION_CREDENTIAL_SECRET|application_credential_secret|secret_access_key"
    rb"|aws_secret_access_key)\W*[=:\s]\s*[\"']?[^\s\"'$#<{(]",
    re.M | re.I,
)
OF_A_COURSE = re.compile(
    rb"\AServeLab challenge secret|(^[^,\n]{1,80},[A-Z2-7]{6}-[A-Z2-7]{6}-[A-Z2-7]{6}\s*$\n?){2}", re.M
)
"""The secret of a course's challenge codes, and the list of the codes (one code is its student's own affair)."""
LOOKED_AT_BYTES = 200_000


def is_secret(name: str, content: bytes) -> bool:
    """Whether the file `name` (a path in the checkout) is a key or holds a sign-in, by its name or its beginning."""
    path = PurePosixPath(name.lower())
    if FOLDERS & set(path.parts[:-1]):
        return True
    if path.suffix != ".pub" and any(fnmatch(path.name, pattern) for pattern in NAMES):
        return True
    begins = content[:LOOKED_AT_BYTES]
    return bool(
        KEY.search(begins) or OF_A_COURSE.search(begins) or (path.suffix in SETTINGS and SETTING.search(begins))
    )
