"""Origins and keys of the contract."""

import copy
import pickle

import pytest

from pi_fallback_hookspecs import Key, origin_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.com/v1", "https://api.example.com:443"),
        ("HTTPS://API.Example.com:443/", "https://api.example.com:443"),
        ("http://127.0.0.1:8080/x?y", "http://127.0.0.1:8080"),
        ("http://[::1]/", "http://[::1]:80"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["ftp://h:21", "file:///etc/passwd", "https://", "api.example.com", "", "http://h:x"])
def test_what_is_no_http_address_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        origin_of(url)


def test_a_key_is_revealed_to_its_origin_only_and_never_prints() -> None:
    key = Key("sk-canary-secret", "https://api.example.com:443")
    assert key.reveal("https://api.example.com:443") == "sk-canary-secret"
    with pytest.raises(PermissionError, match="bound to"):
        key.reveal("https://evil.example:443")
    assert "canary" not in repr(key)
    assert "canary" not in str(key)
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copying(key)
