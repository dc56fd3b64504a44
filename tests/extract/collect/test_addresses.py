"""Private addresses are not asked, in whatever spelling, and wherever a redirect or the DNS leads."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from collect_server import CSV, CollectServer, redirects, sends
from conftest import forget_settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from extract.collect.addresses import allowed as is_allowed
from extract.collect.client import Client
from extract.collect.way import FetchFailed, NotData

PRIVATE = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"]
PRIVATE += ["100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1"]
PRIVATE += ["::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"]
PRIVATE += ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1"]
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not(address: str) -> None:
    assert is_allowed(address)


SPELLINGS = ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "localhost", "[::1]"]
SPELLINGS += ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "127.0.0.1."]


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_address_is_asked(
    host: str, web: CollectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_FETCHING", '{"attempts": 1}')
    forget_settings()
    web.at("/things.csv", sends())
    with pytest.raises(FetchFailed, match=r"a private address: not asked|no address|Invalid IPv4 address"):
        Client().download(f"http://{host}:{web.port}/things.csv", tmp_path / "body")
    assert web.asked == []
    forget_settings()


@pytest.mark.parametrize("target", ["127.0.0.2", "[::1]", "localhost.localdomain", "2130706434", "169.254.169.254"])
def test_a_redirect_to_a_private_address_is_not_followed(
    target: str, allowed: None, web: CollectServer, tmp_path: Path
) -> None:
    url = web.at("/things.csv", redirects(f"http://{target}:{web.port}/secret"))
    with pytest.raises(FetchFailed, match=r"a private address: not asked.*SLUICE_ALLOW_ADDRESSES|no address"):
        Client().download(url, tmp_path / "body")
    assert web.paths()[-1] == "/things.csv"


def test_a_second_answer_of_the_dns_has_no_effect(
    allowed: None, web: CollectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name has an allowed address when it is looked at, and a private one from then on."""
    real, answered = socket.getaddrinfo, []

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "data.example":
            return real(host, port, *args, **kwargs)
        answered.append(host)
        return real("127.0.0.1" if len(answered) == 1 else "10.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    web.at("/things.csv", sends())
    got = Client().download(f"http://data.example:{web.port}/things.csv", tmp_path / "body")
    assert got.path.read_bytes() == CSV
    assert answered == ["data.example"]
    assert web.asked[0].headers["host"] == f"data.example:{web.port}"
    with pytest.raises(NotData, match=r"data\.example is 10\.0\.0\.1, a private address"):
        Client().download(f"http://data.example:{web.port}/things.csv", tmp_path / "body")


def test_one_private_address_among_public_ones_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(NotData, match=r"10\.0\.0\.1"):
        Client().download("http://data.example/things.csv", tmp_path / "body")


def test_a_proxy_of_the_environment_is_not_used(
    allowed: None, web: CollectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert Client().download(web.at("/things.csv", sends()), tmp_path / "body").bytes == len(CSV)


def test_the_setting_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_ALLOW_ADDRESSES", "10.0.0.0/8, ::1")
    forget_settings()
    assert [is_allowed(one) for one in ("10.1.2.3", "::1", "::ffff:10.1.2.3", "192.168.0.1")] == [
        True,
        True,
        True,
        False,
    ]
    monkeypatch.setenv("SLUICE_ALLOW_ADDRESSES", "intranet")
    forget_settings()
    with pytest.raises(Exception, match="SLUICE_ALLOW_ADDRESSES: 'intranet'"):
        is_allowed("10.1.2.3")
    monkeypatch.delenv("SLUICE_ALLOW_ADDRESSES")
    forget_settings()


@pytest.fixture
def tls(web: CollectServer, tmp_path: Path) -> Path:
    """The server speaks TLS, under a certificate that nobody else knows; gives the certificate."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "both.pem").write_bytes(plain + file.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    return file


def test_a_certificate_has_to_be_trusted(
    allowed: None, web: CollectServer, tls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.at("/things.csv", sends())
    url = f"https://127.0.0.1:{web.port}/things.csv"
    with pytest.raises(FetchFailed, match="its certificate is not trusted"):
        Client().download(url, tmp_path / "body")
    monkeypatch.setenv("SSL_CERT_FILE", str(tls))
    assert Client().download(url, tmp_path / "body").path.read_bytes() == CSV
    web.at("/down", redirects(f"http://127.0.0.1:{web.port}/things.csv"))
    with pytest.raises(NotData, match="redirects from https to http"):
        Client().download(f"https://127.0.0.1:{web.port}/down", tmp_path / "body")
