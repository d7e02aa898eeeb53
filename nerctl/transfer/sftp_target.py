"""An archive on a host over SFTP: host keys are checked, and keys are found, as ssh does."""

from __future__ import annotations

import base64
import errno
import getpass
import hashlib
import posixpath
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

from nerctl.errors import NerctlError, TransferError

CONNECT_SECONDS = 15.0
"""Time for a connection, a banner and an answer to a key."""
SILENT_SECONDS = 60.0
"""Time without an answer after which the connection counts as lost."""
CHUNK = 1 << 15
"""Bytes of one write: the most that every SFTP server takes (draft-ietf-secsh-filexfer-02, section 3)."""


def open_sftp(host: str, root: str, user: Optional[str], port: Optional[int]) -> SftpTarget:
    """Connects to a host; HostName, User, Port, IdentityFile, ProxyCommand and UserKnownHostsFile of
    ~/.ssh/config hold.

    Raises:
        NerctlError: paramiko is missing, the host key is unknown or another, or no key was accepted.
        TransferError: the host cannot be reached.
    """
    try:
        import paramiko
    except ImportError:
        raise NerctlError(f"{host}:{root} needs paramiko; install it with: pip install 'nerctl[ssh]'") from None
    settings = _ssh_settings(paramiko, host)
    user = user or settings.get("user") or getpass.getuser()
    number = int(port or settings.get("port") or 22)
    name = settings.get("hostname", host)
    client = paramiko.SSHClient()
    _load_known_hosts(client, settings)
    client.set_missing_host_key_policy(_refuse_unknown(paramiko))
    where = f"{user}@{host}" + (f" (port {number})" if number != 22 else "")
    proxy = settings.get("proxycommand")
    with _connecting(paramiko, where, name, number):
        client.connect(
            name,
            port=number,
            username=user,
            key_filename=settings.get("identityfile"),
            sock=paramiko.ProxyCommand(proxy) if proxy and proxy != "none" else None,
            timeout=CONNECT_SECONDS,
            banner_timeout=CONNECT_SECONDS,
            auth_timeout=CONNECT_SECONDS,
        )
        transport = client.get_transport()
        assert transport is not None  # connect has just made it
        transport.set_keepalive(15)
        session = client.open_sftp()
        channel = session.get_channel()
        assert channel is not None
        channel.settimeout(SILENT_SECONDS)
    return SftpTarget(client, session, f"{host}:{root}".rstrip("/"), root.rstrip("/"))


def _ssh_settings(paramiko: Any, host: str) -> dict[str, Any]:
    path = Path("~/.ssh/config").expanduser()
    if not path.is_file():
        return {}
    try:
        return dict(paramiko.SSHConfig.from_path(str(path)).lookup(host))
    except (
        paramiko.ConfigParseError,
        OSError,
        ImportError,
    ) as error:  # a Match rule needs a package of its own
        raise NerctlError(f"{path}: cannot be read ({error})") from error


def _load_known_hosts(client: Any, settings: dict[str, Any]) -> None:
    """The files that ssh looks in: the system's, and the user's or those that the configuration names."""
    own = str(settings.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")).split()
    for name in ("/etc/ssh/ssh_known_hosts", *own):
        path = Path(name).expanduser()
        if path.is_file():
            client.load_system_host_keys(str(path))


def _refuse_unknown(paramiko: Any) -> Any:
    """A policy that ends the connection and says how to make the host known."""

    class Refuse(paramiko.MissingHostKeyPolicy):
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            plain, _, port = hostname.strip("[").partition("]:")
            option = f"-p {port} " if port else ""
            raise NerctlError(
                f"{plain}: its host key ({_fingerprint(key)}) is not in ~/.ssh/known_hosts; connect once "
                f"with "
                f"ssh {option}{plain}, or add the key with ssh-keyscan {option}{plain} after checking the "
                f"fingerprint"
            )

    return Refuse()


def _fingerprint(key: Any) -> str:
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"


@contextmanager
def _connecting(paramiko: Any, where: str, name: str, port: int) -> Iterator[None]:
    """Turns what can go wrong before the first file into one sentence."""
    known_as = name if port == 22 else f"[{name}]:{port}"
    try:
        yield
    except paramiko.BadHostKeyException as error:
        raise NerctlError(
            f"{where}: its host key ({_fingerprint(error.key)}) is another than the one in known_hosts, so "
            f"it may be "
            f"another machine; if the change is known to be right, remove the old key with ssh-keygen -R "
            f"'{known_as}'"
        ) from error
    except paramiko.PasswordRequiredException as error:
        raise NerctlError(f"{where}: the key file has a passphrase; add it to the agent with ssh-add") from error
    except (paramiko.AuthenticationException, paramiko.BadAuthenticationType) as error:
        raise NerctlError(
            f"{where}: no key was accepted; name the user as user@host:/path, and see that ssh connects without a password"
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        cause = _socket_cause(error)
        if "no authentication methods" in cause.lower():
            raise NerctlError(f"{where}: there is no key to log in with; make one with ssh-keygen") from error
        raise TransferError(f"{where}: no connection ({cause}); check the host, the port and the network") from error


def _socket_cause(error: BaseException) -> str:
    inner = getattr(error, "errors", None)  # paramiko's list of all the addresses that were tried
    if isinstance(inner, dict) and inner:
        error = next(iter(inner.values()))
    text = getattr(error, "strerror", None) or str(error) or "it was closed"
    return str(text).splitlines()[0].rstrip(".")


class SftpTarget:
    """A folder on a host."""

    continues = True

    def __init__(self, client: Any, session: Any, shown_root: str, root: str) -> None:
        self.client = client
        self.session = session
        self.shown_root = shown_root
        self.root = root

    def shown(self, path: str) -> str:
        return f"{self.shown_root}/{path}" if path else self.shown_root or "/"

    def size(self, path: str) -> Optional[int]:
        with self._spoken(path, "read"):
            try:
                return int(self.session.stat(self._full(path)).st_size)
            except FileNotFoundError:
                return None

    def read(self, path: str) -> Iterator[bytes]:
        with self._spoken(path, "read"), self.session.open(self._full(path), "rb") as stream:
            stream.prefetch(max_concurrent_requests=64)
            yield from iter(lambda: stream.read(CHUNK), b"")

    def make_folder(self, path: str) -> None:
        with self._spoken(path, "written"):
            self._make_folder(self._full(path))

    def write(self, path: str, blocks: Iterable[bytes], append: bool) -> None:
        full = self._full(path)
        with self._spoken(path, "written"):
            self._make_folder(posixpath.dirname(full))
            with self.session.open(full, "ab" if append else "wb") as stream:
                stream.set_pipelined(True)
                last = b""
                for block in blocks:
                    for place in range(0, len(block), CHUNK):
                        stream.write(last)
                        last = block[place : place + CHUNK]
                stream.set_pipelined(False)  # the last write waits for the answers to all; close would drop them
                stream.write(last)

    def rename(self, old: str, new: str) -> None:
        with self._spoken(new, "written"):
            try:
                self.session.posix_rename(self._full(old), self._full(new))
            except OSError as error:
                if error.errno is not None or self._exists(new):
                    raise
                self.session.rename(self._full(old), self._full(new))  # a server without the extension

    def files(self) -> Iterator[str]:
        if not self._exists(""):
            raise NerctlError(f"{self.shown_root}: no such folder; name a place that nerctl archive wrote")
        folders = [""]
        while folders:
            folder = folders.pop()
            with self._spoken(folder, "read"):
                attributes = self.session.listdir_attr(self._full(folder))
            for attribute in attributes:
                path = posixpath.join(folder, attribute.filename)
                if stat.S_ISDIR(attribute.st_mode or 0):
                    folders.append(path)
                elif stat.S_ISREG(attribute.st_mode or 0):
                    yield path

    def close(self) -> None:
        self.client.close()

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root or "/"

    def _exists(self, path: str) -> bool:
        return self.size(path) is not None

    def _make_folder(self, folder: str) -> None:
        missing = []
        while folder not in ("", "/"):
            try:
                self.session.stat(folder)
                break
            except FileNotFoundError:
                missing.append(folder)
                folder = posixpath.dirname(folder)
        for folder in reversed(missing):
            self.session.mkdir(folder)

    @contextmanager
    def _spoken(self, path: str, verb: str) -> Iterator[None]:
        """Turns what SFTP raises into one sentence."""
        import paramiko

        shown = self.shown(path)
        try:
            yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            transport = self.client.get_transport()
            refused = isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.ENOENT)
            if not refused and (transport is None or not transport.is_active() or not str(error) == "Failure"):
                raise TransferError(
                    f"{shown}: the connection was lost; run the same command again, it goes on where it stopped"
                ) from error
            if refused:
                raise TransferError(
                    f"{shown}: cannot be {verb} ({getattr(error, 'strerror', error)}); check the folder's "
                    f"permissions "
                    "on the host"
                ) from error
            raise TransferError(
                f"{shown}: the host failed to have it {verb}; its disk may be full or read-only, or a quota reached"
            ) from error
