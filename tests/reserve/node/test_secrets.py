"""Keys and sign-in files are told by name and by content; code and documents that speak of them are not."""

from __future__ import annotations

import pytest

from reserve.node.secrets import is_secret

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE"


@pytest.mark.parametrize(
    "name",
    [
        *("id_rsa", "sub/ID_ED25519", "my_rsa", "course.pem", "putty.PPK", ".ssh/known_hosts", ".aws/config"),
        *("clouds.yaml", "Clouds.yml", "secure.yaml", "CHI-1-openrc.sh", "openrc", "app-cred-x.sh", "credentials.json"),
        *(".netrc", ".env", ".env.local", ".git-credentials", ".pypirc", "kubeconfig", "kaggle.json"),
    ],
)
def test_some_names_are_enough(name: str) -> None:
    assert is_secret(name, b"")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deploy", KEY),
        ("notes.md", f"my key:\n{KEY}"),
        ("key.txt", "PuTTY-User-Key-File-3: ssh-ed25519"),
        ("login.sh", "export OS_PASSWORD='hunter22'"),
        ("login", "  set OS_APPLICATION_CREDENTIAL_SECRET=abc"),
        ("mine.yaml", "auth:\n  application_credential_secret: abc"),
        ("mine.json", '{\n "application_credential_secret": "abc"}'),
        ("aws.ini", "aws_secret_access_key = abc"),
        ("a.py", "key = 'AKIA" + "ABCDEFGHIJKLMNOP'"),
        ("t.txt", "hf_" + "a" * 34),
        ("course", "ServeLab challenge secret, for staff only: 0123"),
        ("codes.csv", "netid,code\nab1,SVDOW7-CTDBBV-TOJEHB\ncd2,UMDROA-RXR23F-FP4TZP\n"),
        ("mails.txt", "netid,code\r\nab1,SVDOW7-CTDBBV-TOJEHB\r\ncd2,UMDROA-RXR23F-FP4TZP\r\n"),
    ],
)
def test_some_contents_are_enough(name: str, text: str) -> None:
    assert is_secret(name, text.encode())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("id_rsa.pub", "ssh-rsa AAAA me"),
        ("keys.py", "HEAD = '-----BEGIN RSA PRIVATE KEY-----'"),
        ("README.md", "`export OS_PASSWORD=...`"),
        ("setup.sh", "export OS_PASSWORD=$1"),
        ("login.sh", 'export OS_PASSWORD="$PASSWORD"'),
        ("a.toml", "password = 'x'"),
        ("monkey.txt", ""),
        ("environment.yml", "name: lab"),
        ("mine.txt", "ab1,SVDOW7-CTDBBV-TOJEHB"),
        ("codes.py", 'MARK = b"ServeLab challenge secret, for staff only: "'),
    ],
)
def test_what_speaks_of_secrets_is_none(name: str, text: str) -> None:
    assert not is_secret(name, text.encode())
