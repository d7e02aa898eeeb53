"""archive over SFTP against a real sshd on loopback, with keys made for the test."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

import pytest
from misbehaving import Listener
from runs import write_dataset, write_run

from nerctl.errors import NerctlError, TransferError
from nerctl.transfer.archive import store, verify
from nerctl.transfer.archive_plan import plan_archive
from nerctl.transfer.targets import open_target

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
if SSHD is None:
    pytest.skip("no sshd here (package openssh-server)", allow_module_level=True)
pytest.importorskip("paramiko", reason="needs the extra ssh")


def keygen(path: Path, passphrase: str = "", kind: str = "ed25519") -> Path:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


class Sshd:
    """An sshd with keys of its own, and a home for the client in which they are known."""

    def __init__(self, root: Path, user: Optional[str] = None) -> None:
        self.root = root
        self.user = user or getpass.getuser()
        self.home = root / "home"
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        self.key = keygen(self.home / ".ssh" / "id_ed25519")
        self.host_key = keygen(root / "host_key")
        (root / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.know(self.host_key)
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.start()

    def know(self, host_key: Path, host: Optional[str] = None) -> None:
        public = host_key.with_suffix(".pub").read_text().split()[:2]
        line = f"{host or f'[127.0.0.1]:{self.port}'} {' '.join(public)}\n"
        (self.home / ".ssh" / "known_hosts").write_text(line)

    def start(self) -> None:
        """Runs sshd in the foreground, in a process group of its own, so that its children end with it."""
        config = self.root / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.host_key}\nPidFile none\n"
            f"AuthorizedKeysFile {self.root / 'authorized_keys'}\nStrictModes no\nPermitRootLogin yes\n"
            "PasswordAuthentication no\nUsePAM no\nSubsystem sftp internal-sftp\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # the folder that sshd drops its rights in
        assert SSHD is not None
        with (self.root / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(config)], stderr=log, stdout=log, start_new_session=True
            )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.skip(f"sshd does not start here: {(self.root / 'sshd.log').read_text()[-200:]}")

    def stop(self) -> None:
        """Ends the server and every connection that it serves, at once."""
        if self.process is None:
            return
        for pid in _descendants(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def address(self, path: Path) -> str:
        return f"sftp://{self.user}@127.0.0.1:{self.port}{path}"


def _descendants(pid: int) -> list[int]:
    """A process and all below it; sshd's children leave its group."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return found


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "sshd")
    monkeypatch.setenv("HOME", str(server.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    yield server
    server.stop()


class Setting:
    """A run and a place on the host."""

    def __init__(self, root: Path, size: int = 20_000) -> None:
        self.output = write_run(root / "output", size=size)
        self.data = write_dataset(root / "NERdata")
        self.remote = root / "remote"

    def store(self, sshd: Sshd, what: str = "all", report: Any = None, **more: Any) -> list[Any]:
        plan = plan_archive(what, "turing", self.output, self.data)
        target = open_target(sshd.address(self.remote))
        try:
            return store(plan, target, report=report or Listener(), **more)
        finally:
            target.close()


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def finals(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".part")
    }


def test_an_archive_is_uploaded_verified_and_not_sent_twice(sshd: Sshd, setting: Setting) -> None:
    setting.store(sshd)
    run = finals(setting.remote / "CPU" / "CarPeting_TF_BiLSTM_CRF")
    assert run["labels.json"] == (setting.output / "labels.json").read_bytes()
    assert run["checkpoints/20/model.ckpt.index"]
    assert all(not place.sent for place in setting.store(sshd))
    target = open_target(sshd.address(setting.remote))
    found = verify(target)
    assert not found.faults and len(found.manifests) == 2 and not found.unfinished
    (setting.remote / "CPU" / "CarPeting_TF_BiLSTM_CRF" / "labels.json").write_bytes(b"x")
    assert len(verify(target).faults) == 1
    target.close()
    with pytest.raises(NerctlError, match=r"is there with other content"):
        setting.store(sshd)
    setting.store(sshd, force=True)
    assert finals(setting.remote)["CPU/CarPeting_TF_BiLSTM_CRF/labels.json"] == run["labels.json"]


def test_user_host_and_path_work_through_the_ssh_configuration(sshd: Sshd, setting: Setting) -> None:
    (sshd.home / ".ssh" / "id_ed25519").rename(sshd.home / "elsewhere")
    sshd.key.with_suffix(".pub").rename(sshd.home / "elsewhere.pub")
    (sshd.home / ".ssh" / "config").write_text(
        f"Host shelf\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user}\n"
        f"  IdentityFile {sshd.home / 'elsewhere'}\n"
    )
    target = open_target(f"shelf:{setting.remote}")
    store(plan_archive("dataset", "flat", setting.output, setting.data), target)
    target.close()
    assert set(finals(setting.remote / "dataset")) == {"train.txt", "dev.txt", "test.txt", "MANIFEST.json"}


def test_a_key_with_a_passphrase_is_used_through_the_agent(
    sshd: Sshd, setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_socket = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", agent_socket], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if Path(agent_socket).exists():
                break
            time.sleep(0.02)
        environment = {**os.environ, "SSH_AUTH_SOCK": agent_socket}
        subprocess.run(["ssh-add", "-q", str(sshd.key)], env=environment, check=True, capture_output=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(sshd.key)],
            check=True,
            capture_output=True,
        )
        with pytest.raises(NerctlError, match=r"ssh-add"):
            setting.store(sshd)
        monkeypatch.setenv("SSH_AUTH_SOCK", agent_socket)
        setting.store(sshd)
    finally:
        agent.terminate()
        agent.wait()


class StopsServer(Listener):
    """Ends the server once a file is so far."""

    def __init__(self, sshd: Sshd, at: int) -> None:
        super().__init__()
        self.sshd = sshd
        self.at = at

    def advance(self, name: str, done: int, total: Optional[int]) -> None:
        if done >= self.at and self.sshd.process is not None:
            self.sshd.stop()


def test_an_upload_goes_on_after_the_server_was_stopped_midway(sshd: Sshd, tmp_path: Path) -> None:
    setting = Setting(tmp_path, size=24_000_000)
    with pytest.raises(TransferError, match=r"the connection was lost; run the same command again") as caught:
        setting.store(sshd, "checkpoint", StopsServer(sshd, 12_000_000))
    assert "\n" not in str(caught.value)
    part = next(setting.remote.rglob(".model.ckpt.data*.part"))
    kept = part.stat().st_size
    assert 0 < kept < 24_000_000
    assert not any(name.endswith("MANIFEST.json") or ".data-" in name for name in finals(setting.remote))
    sshd.start()
    heard = Listener()
    setting.store(sshd, "checkpoint", heard)
    assert any(f"going on at {kept:,} of 24,000,000 bytes" in note for note in heard.notes)
    sent = finals(setting.remote / "CPU" / "CarPeting_TF_BiLSTM_CRF")
    name = "checkpoints/20/model.ckpt.data-00000-of-00001"
    assert sent[name] == (setting.output / name).read_bytes()


def test_a_server_that_is_down_is_one_sentence(sshd: Sshd, setting: Setting) -> None:
    sshd.stop()
    with pytest.raises(TransferError, match=r"no connection .*refused"):
        setting.store(sshd)


def test_a_host_that_does_not_speak_ssh_is_one_sentence(setting: Setting, sshd: Sshd) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(TransferError, match=r"no connection") as caught:
            open_target(f"sftp://127.0.0.1:{listener.getsockname()[1]}/archive")
    assert "\n" not in str(caught.value)


def test_another_host_key_is_refused(sshd: Sshd, setting: Setting, tmp_path: Path) -> None:
    sshd.know(keygen(tmp_path / "other_key"))
    with pytest.raises(NerctlError, match=r"is another than the one in known_hosts.*ssh-keygen -R") as caught:
        setting.store(sshd)
    assert caught.value.exit_code == 2
    assert not setting.remote.exists()


def test_an_unknown_host_key_is_refused_with_what_to_do(sshd: Sshd, setting: Setting) -> None:
    (sshd.home / ".ssh" / "known_hosts").unlink()
    with pytest.raises(NerctlError, match=rf"SHA256:.*ssh -p {sshd.port} 127.0.0.1.*ssh-keyscan -p {sshd.port}"):
        setting.store(sshd)
    assert not setting.remote.exists()
    assert not (sshd.home / ".ssh" / "known_hosts").exists()
    scan = subprocess.run(["ssh-keyscan", "-p", str(sshd.port), "127.0.0.1"], capture_output=True, check=True)
    (sshd.home / ".ssh" / "known_hosts").write_bytes(scan.stdout)
    setting.store(sshd)


def test_a_hashed_known_host_is_known(sshd: Sshd, setting: Setting) -> None:
    known = sshd.home / ".ssh" / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert "127.0.0.1" not in known.read_text()
    setting.store(sshd, "dataset")


def test_a_key_that_the_host_does_not_take_is_one_sentence(sshd: Sshd, setting: Setting) -> None:
    (sshd.root / "authorized_keys").write_text("")
    with pytest.raises(NerctlError, match=r"no key was accepted") as caught:
        setting.store(sshd)
    assert caught.value.exit_code == 2


def test_without_a_key_it_is_said_that_there_is_none(sshd: Sshd, setting: Setting) -> None:
    sshd.key.unlink()
    with pytest.raises(NerctlError, match=r"there is no key|no key was accepted"):
        setting.store(sshd)


def test_a_target_that_cannot_be_written_is_one_sentence(tmp_path: Path, sshd: Sshd, setting: Setting) -> None:
    if os.geteuid() == 0:
        mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(setting.remote)]
        setting.remote.mkdir()
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("a read-only disk cannot be mounted here")
    else:
        setting.remote.mkdir(mode=0o500)
    try:
        with pytest.raises(TransferError, match=r"read-only|permission|Permission") as caught:
            setting.store(sshd)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(setting.remote)], check=True)
    assert "\n" not in str(caught.value) and str(setting.remote) in str(caught.value)


def test_a_permission_denied_by_the_host_is_one_sentence(
    sshd: Sshd, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stubbed: the tests run as root, whom no folder's mode keeps out."""
    import paramiko

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(paramiko.SFTPClient, "mkdir", deny)
    with pytest.raises(TransferError, match=r"Permission denied\); check the folder's permissions on the host"):
        setting.store(sshd)


def test_a_full_disk_on_the_host_is_one_sentence_and_is_gone_on_with(sshd: Sshd, small_disk: Path, tmp_path: Path) -> None:
    setting = Setting(tmp_path, size=200_000)
    setting.remote = small_disk / "archive"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(150_000))
    with pytest.raises(TransferError, match=r"its disk may be full") as caught:
        setting.store(sshd, "checkpoint")
    assert "\n" not in str(caught.value)
    assert not any(".data-" in name or "MANIFEST" in name for name in finals(setting.remote))
    ballast.unlink()
    setting.store(sshd, "checkpoint")
    target = open_target(sshd.address(setting.remote))
    assert not verify(target).faults
    target.close()
