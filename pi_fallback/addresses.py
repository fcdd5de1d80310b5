"""Addresses that no key and no prompt goes to: those at which a cloud machine is told its own credentials."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import inet_aton

_NAMES = frozenset(
    {"instance-data", "instance-data.ec2.internal", "metadata", "metadata.goog", "metadata.google.internal"}
)
_OUTSIDE = frozenset(  # all others are link-local
    map(
        ip_address,
        (
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle Cloud
            "fd00:ec2::254",  # AWS
            "fd20:ce::254",  # Google Cloud
        ),
    )
)


def is_metadata(host: str) -> bool:
    """Whether `host` (as a URL has it, without brackets) serves metadata, in whatever way its address is spelt."""
    name = host.rstrip(".").lower()
    address = _address(name)
    if address is None:
        return name in _NAMES
    return address.is_link_local or address in _OUTSIDE


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        try:
            return IPv4Address(inet_aton(host))  # 0xa9fea9fe and 2852039166 are addresses too, to whoever connects
        except (OSError, ValueError):
            return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
