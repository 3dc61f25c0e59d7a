"""Who may use the page: the address it listens on, names, a password."""

import base64
import binascii
import dataclasses
import hmac
import ipaddress
import pathlib
import re
import socket

PASSWORD_VARIABLE = "TEXT_AS_IMAGE_PASSWORD"
# A password that a program can try out in hours is none.
LEAST_PASSWORD = 12
# `name`, `name:port` or `[IPv6 address]:port`.
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:[0-9]{1,5})?", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Access:
    """The rules for a request.

    Attributes:
        is_remote: Whether other machines reach the page.
        names: Host names, in lower case, that a remote page answers to besides
            addresses.
        password: The password; empty for none.
    """

    is_remote: bool = False
    names: frozenset[str] = frozenset()
    password: str = dataclasses.field(default="", repr=False)

    def has_known_host(self, host: str) -> bool:
        """Whether the `Host` header names this page.

        A web page can give its own name the address of this server (DNS
        rebinding), but then the browser sends that name. The port may be
        another one: that of an SSH tunnel.
        """
        match = _HOST.fullmatch(host)
        if not match:
            return False
        name = match[1].strip("[]").lower()
        if name == "localhost":
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return self.is_remote and name in self.names
        return self.is_remote or address.is_loopback

    def has_own_origin(self, origin: str | None, host: str) -> bool:
        """Whether the `Origin` header is missing or is this page's own."""
        own = (f"{scheme}://{host.lower()}" for scheme in ("http", "https"))
        return origin is None or origin.lower() in own

    def has_password(self, authorization: str | None) -> bool:
        """Whether the `Authorization` header has the password, if any."""
        if not self.password:
            return True
        kind, _, encoded = (authorization or "").partition(" ")
        try:
            user_and_password = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        given = user_and_password.partition(b":")[2]
        return kind.lower() == "basic" and hmac.compare_digest(
            given, self.password.encode("utf-8")
        )


def check_remote(
    host: str, password: str, *, allow_remote: bool, names: tuple[str, ...] = ()
) -> Access:
    """Decides from the settings who may use the page.

    Args:
        host: Address or name that the server is bound to.
        password: The password; empty for none.
        allow_remote: Whether other machines may reach the page.
        names: Host names by which they do.

    Raises:
        ValueError: If `host` is no address of this machine, or is reachable
            from other machines without permission or without a password.
    """
    if password and len(password) < LEAST_PASSWORD:
        raise ValueError(
            f"A password must have at least {LEAST_PASSWORD} characters. "
            f"Received: {len(password)}."
        )
    _, address = resolve(host, 0)
    is_remote = not ipaddress.ip_address(address[0]).is_loopback
    if not is_remote:
        return Access(password=password)
    if not allow_remote:
        raise ValueError(
            f"--host={host} can be reached from other machines, whose users "
            "could then use the page. Omit --host, reach the page through an "
            "SSH tunnel, or add --allow_remote and a password."
        )
    if not password:
        raise ValueError(
            f"--host={host} needs a password: in the environment variable "
            f"{PASSWORD_VARIABLE} or in a file that --password_file names."
        )
    own = (socket.gethostname(), host, *names)
    return Access(True, frozenset(name.lower() for name in own), password)


def read_password(path: str, variable: str | None) -> str:
    """The password from a file or else from the environment variable.

    Args:
        path: A file whose first line is the password; empty for none.
        variable: Value of the environment variable, if it is set.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its first line is empty, or it is not UTF-8.
    """
    if not path:
        return variable or ""
    try:
        lines = pathlib.Path(path).read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"--password_file={path} does not exist. Write the password to it."
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} must be UTF-8 text.") from None
    if not lines or not lines[0]:
        raise ValueError(f"The first line of {path} must be the password.")
    return lines[0]


def resolve(
    host: str, port: int
) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The address of this machine that a host stands for.

    Raises:
        ValueError: If it stands for none.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"--host={host} must be an address of this machine, such as "
            f"127.0.0.1. Received: {error}."
        ) from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))
