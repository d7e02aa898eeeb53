"""A model hub: encoders from it, exports to it, by the library huggingface_hub (extra `hub`).

The library honours HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and proxies, and keeps what it has fetched in its cache.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Optional

from nerctl.encoders.huggingface import CONFIG, FORMATS, INDEX
from nerctl.encoders.tokenizer_files import SETTINGS, TEXT, WHOLE
from nerctl.errors import FailedError, NerctlError
from nerctl.progress import SILENT, Report
from nerctl.transfer.published import PUBLISHED
from nerctl.transfer.sources import ENCODERS

REPOSITORY = re.compile(r"(?P<repository>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?", re.ASCII)
"""A repository on a hub, and behind @ a branch, a tag or a commit."""

BESIDE = (TEXT, WHOLE, SETTINGS, "README.md", "LICENSE", "NOTICE")
"""Files that are fetched beside config and weights, where they are there."""

NETWORK = ("httpx", "httpx2", "httpcore", "requests", "urllib3")
"""Packages whose errors say that a server was not reached, or broke off."""


AGAIN = "run the same command again, or name a mirror with HF_ENDPOINT"
"""What to do when a hub fails."""


class Address(NamedTuple):
    """What is wanted of a hub."""

    repository: str
    """For instance hfl/chinese-macbert-base."""
    revision: str
    """A branch, a tag or a commit."""

    def __str__(self) -> str:
        return self.repository if self.revision == "main" else f"{self.repository}@{self.revision}"


class Snapshot(NamedTuple):
    """Files of one commit."""

    folder: Path
    """Where they are, in the library's cache."""
    commit: str
    """The commit that the revision was, hexadecimal."""


def address_of(name: str) -> Address:
    """The repository and revision in REPOSITORY[@REVISION]. Raises NerctlError where it is none, or nobody's by its name."""
    found = REPOSITORY.fullmatch(name)
    if found is None:
        raise NerctlError(f"{name!r}: no name of an encoder; write NAME, OWNER/NAME or OWNER/NAME@REVISION")
    alone = found["repository"]
    if "/" not in alone and alone not in (one.name for one in PUBLISHED):  # a slip rather than one of the hub's oldest
        raise NerctlError(
            f"no encoder is called {alone}; {_near(alone)}write a hub's as OWNER/NAME, or see nerctl fetch-bert --list"
        )
    return Address(found["repository"], found["revision"] or "main")


def fetch_snapshot(address: Address, report: Report = SILENT) -> Snapshot:
    """The files of an encoder in Hugging Face's form, all of one commit; only what is not in the cache is downloaded.

    Where the hub cannot be reached, what the cache has of the revision is taken.

    Raises:
        NerctlError: there is no such repository or revision, or no encoder in it, or it is not for everybody.
        FailedError: the hub cannot be reached, or failed.
    """
    hub = _library("nerctl fetch-bert REPOSITORY")
    report.note(f"asking {_endpoint(hub)} for {address}")
    with _told(address):
        # The config first: the library writes down which commit the revision was, so that it finds it offline.
        config = Path(hub.hf_hub_download(address.repository, CONFIG, revision=address.revision))
        commit = config.parent.name
    names = _names(hub, address, commit)
    if names is None:
        report.note(f"{_endpoint(hub)} cannot be reached; what was fetched of {address} before is taken")
        return Snapshot(config.parent, commit)
    with _told(address):
        for name, size in _wanted(address, names):
            report.note(f"{name}, {size / 1e6:,.1f} MB" if size else name)
            hub.hf_hub_download(address.repository, name, revision=commit)
    return Snapshot(config.parent, commit)


def _names(hub: Any, address: Address, commit: str) -> Optional[dict[str, Optional[int]]]:
    """Bytes, where the hub tells them, of each file of a commit; None where the hub cannot be reached."""
    try:
        with _told(address):
            info = hub.HfApi().model_info(address.repository, revision=commit, files_metadata=True)
    except FailedError:
        return None
    return {one.rfilename: one.size for one in info.siblings or []}


def _wanted(address: Address, names: dict[str, Optional[int]]) -> Iterator[tuple[str, Optional[int]]]:
    """The files to fetch: the first form of weights that is there, and what belongs to it."""
    for form in FORMATS:
        stem, _, ending = form.rpartition(".")
        shards = [name for name in names if re.fullmatch(rf"{re.escape(stem)}-\d+-of-\d+\.{ending}", name)]
        if form in names or (f"{form}{INDEX}" in names and shards):
            weights = [form] if form in names else [f"{form}{INDEX}", *shards]
            yield from ((name, names[name]) for name in [*BESIDE, *weights] if name in names)
            return
    *most, last = FORMATS
    raise NerctlError(f"{address}: has no {', '.join(most)} or {last}, so no weights that are read; name another encoder")


class Upload(NamedTuple):
    """A file that goes up."""

    name: str
    """Its path below the folder."""
    size: int
    """Bytes."""


def files_to_push(folder: Path) -> list[Upload]:
    """The files of an export, by name. Raises NerctlError where the folder is none."""
    from nerctl.encoders.run_folder import is_run
    from nerctl.folder import ModelFolder

    if not folder.is_dir():
        raise NerctlError(f"{folder}: no such folder; name one that nerctl export wrote")
    whole = (folder / CONFIG).is_file() and (folder / "model.safetensors").is_file()
    if is_run(folder):
        whole = ModelFolder.open(folder).engine != "tensorflow"
    if not whole:
        raise NerctlError(f"{folder}: is no export; nerctl export --to DIR makes one, --format transformers for everybody")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return [Upload(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]


def push(folder: Path, repository: str, private: bool, report: Report = SILENT) -> str:
    """Uploads an export into a repository, which is made if it is not there; its address at the new commit.

    Raises:
        NerctlError: there is no token, or it may not write there.
        FailedError: the hub cannot be reached, or failed.
    """
    hub = _library("nerctl push")
    address = address_of(repository)
    if hub.get_token() is None:
        raise NerctlError(
            "nerctl push needs a token that may write: put it into HF_TOKEN, or keep it with the hub's own login command"
        )
    files = files_to_push(folder)
    size = sum(file.size for file in files) / 1e6
    report.note(f"{len(files)} files, {size:,.1f} MB, to {_endpoint(hub)}/{address.repository}")
    with _told(address):
        api = hub.HfApi()
        api.create_repo(address.repository, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=address.repository,
            folder_path=str(folder),
            revision=None if address.revision == "main" else address.revision,
            allow_patterns=[file.name for file in files],
            commit_message="Export by nerctl",
        )
    return str(done.commit_url)


def endpoint() -> str:
    """The hub's address as the library has it."""
    return _endpoint(_library("nerctl push"))


def _library(command: str) -> Any:
    """huggingface_hub. Raises NerctlError where it is missing."""
    try:
        import huggingface_hub
        from huggingface_hub import utils
    except ImportError as error:
        raise NerctlError(f"{command} needs {error.name}: pip install 'nerctl[hub]'") from None
    if not sys.stderr.isatty():
        utils.disable_progress_bars()  # type: ignore[attr-defined]
    huggingface_hub.logging.set_verbosity_error()  # it tells of every try again; the error that ends them says enough
    return huggingface_hub


def _endpoint(hub: Any) -> str:
    return str(hub.HfApi().endpoint)


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """Turns what the library raises into one sentence."""
    try:
        yield
    except NerctlError:
        raise
    except Exception as error:
        told = _sentence(error, address)
        if told is None:
            raise
        raise told from error


def _sentence(error: Exception, address: Address) -> Optional[NerctlError]:
    """What an error of the library means to a user; None for one that is no answer of a hub and no failure of a network."""
    import huggingface_hub
    from huggingface_hub import errors

    place = _endpoint(huggingface_hub)
    status = _status(error)
    missing = isinstance(error, errors.LocalEntryNotFoundError)
    if missing and error.__cause__ is not None and (status or 0) >= 400:  # the hub has answered, and the cache has nothing
        return _sentence(error.__cause__, address) if isinstance(error.__cause__, Exception) else None
    if missing or isinstance(error, errors.OfflineModeIsEnabled):
        return FailedError(
            f"{address}: {place} cannot be reached and the cache has nothing of it; name a mirror with HF_ENDPOINT, or "
            "fetch it where there is a network and give its folder with --from"
        )
    if isinstance(error, errors.GatedRepoError):
        return NerctlError(
            f"{address}: its publisher lets in who has agreed to its terms; agree on its page, and put a token into HF_TOKEN"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return NerctlError(f"{address}: the repository has no such revision; name a branch, a tag or a commit behind the @")
    if isinstance(error, errors.RepositoryNotFoundError) or status == 401:
        return NerctlError(
            f"{address}: {place} knows no such repository, or shows it to nobody without a token (HF_TOKEN); "
            f"{_near(address.repository)}nerctl fetch-bert --list names encoders"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return NerctlError(f"{address}: has no {CONFIG}, so it is no encoder in Hugging Face's form; name another")
    if status == 403:
        return NerctlError(f"{address}: {place} refuses the token in HF_TOKEN (HTTP 403); use one that may do this")
    if status == 429:
        return FailedError(f"{address}: {place} asks for a pause (HTTP 429); run the same command again in some minutes")
    if status is not None:
        return FailedError(f"{address}: {place} failed (HTTP {status}); {AGAIN}")
    if isinstance(error, errors.HFValidationError):
        return NerctlError(f"{address}: no name that a hub takes; write NAME or OWNER/NAME")
    if type(error).__module__.split(".")[0] in NETWORK or isinstance(error, (ConnectionError, TimeoutError)):
        return FailedError(f"{address}: {place} cannot be reached, or broke off ({_first_line(error)}); {AGAIN}")
    return FailedError(f"{address}: {_first_line(error)}") if isinstance(error, OSError) else None


def _status(error: Optional[BaseException]) -> Optional[int]:
    """The HTTP status of the answer that an error, or what caused it, is about."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        error = error.__cause__
    return None


def _near(name: str) -> str:
    known: Sequence[str] = [one.name for one in (*PUBLISHED, *ENCODERS)]
    close = difflib.get_close_matches(name, _with_last_parts(known), n=1, cutoff=0.8)
    full = next((one for one in known if close and one.endswith(close[0])), "")
    return f"did you mean {full}? Else " if full else ""


def _with_last_parts(names: Iterable[str]) -> list[str]:
    return [part for name in names for part in dict.fromkeys((name, name.rpartition("/")[2]))]


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]
