"""The releases of CANN and of its TensorFlow adapter, read where they stand, and what is known of which belong together.

Nothing here loads the adapter. A place that is not there or may not be read says nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Optional
from urllib.parse import unquote

ROOT = Path("/usr/local/Ascend")
"""Where the vendor's packages go unless another place is given."""

HOMES = ("ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH")
"""What set_env.sh calls the toolkit's folder; older releases know the first, newer ones the second."""

DEFAULT_HOMES = ("cann", "ascend-toolkit/latest")
"""The toolkit's folder below the root, in newer and in older releases."""

INSTALL_INFO = ("*-linux/ascend_toolkit_install.info", "ascend_toolkit_install.info")
"""Below the toolkit's folder: `version=8.0.RC3` and more."""

VERSION_INFO = ("version.info", "compiler/version.info", "opp/version.info")
"""Below the toolkit's folder: `version_dir=8.0.RC3` beside a number of the part's own, or `Version=9.1.0` alone."""

ADAPTER_INFO = ("tfplugin/latest/ascend_tfplugin_install.info", "tfplugin/latest/*-linux/ascend_tfplugin_install.info")
"""Below the root: the adapter, where it was installed as a package of the toolkit."""

TAG = re.compile(r"tfa_v[\d.]+_([\w.-]+)")
"""The adapter's releases are tagged tfa_v0.0.49_9.1.0: its own number, then that of the CANN it is for."""

BELONGS: Mapping[str, tuple[str, ...]] = {"9.1.0": ("9.1.0", "9.2.0-beta")}
"""Adapter release to the CANN releases that it belongs to, by the adapter's release notes (July 2026)."""

Verdict = Literal["belong", "differ", "not known"]
"""Whether an adapter and a CANN release belong together."""


@dataclass(frozen=True)
class Release:
    """One release, as one place gives it."""

    version: str
    """Such as 9.1.0, 8.0.RC3 or 9.2.0-beta.2."""
    place: str
    """The file that says so, or the address of the wheel."""

    def __str__(self) -> str:
        return f"{self.version} ({self.place})"


def cann_releases(environment: Optional[Mapping[str, str]] = None, root: Path = ROOT) -> list[Release]:
    """What every place says of the CANN release, the most telling first; empty: none was found.

    The toolkit whose environment is set is asked; the default places below `root` only where none is.

    Args:
        environment: os.environ unless given.
        root: where packages are installed by default.
    """
    environment = os.environ if environment is None else environment
    opp = environment.get("ASCEND_OPP_PATH")
    found = [release for name in HOMES if environment.get(name) for release in _stated(Path(environment[name]))]
    found += _version_info(Path(opp, "version.info")) if opp else []
    for home in DEFAULT_HOMES if not found else ():
        found = found or _stated(root / home)
    return list({(release.version, os.path.realpath(release.place)): release for release in reversed(found)}.values())[::-1]


def adapter_release(
    environment: Optional[Mapping[str, str]] = None, root: Path = ROOT, package: str = "npu_device"
) -> Optional[Release]:
    """The adapter's release, of the folder or wheel that it was installed from; None: no place tells it.

    The number of the wheel does not: it is TensorFlow's, 2.6.5, in every release. The address that pip keeps of a wheel
    installed from the vendor's page has the release in it (PEP 610).

    Args:
        environment: os.environ unless given.
        root: where packages are installed by default.
        package: the adapter's distribution.
    """
    environment = os.environ if environment is None else environment
    origin = _origin(package)
    tag = TAG.search(origin)
    if tag:
        return Release(tag[1], origin)
    homes = [Path(environment[name]) for name in HOMES if environment.get(name)]
    for folder in (*(above for home in homes for above in list(home.parents)[:2]), root):
        for found in _install_info(folder, ADAPTER_INFO):
            return found
    return None


def package_version(package: str = "npu_device") -> Optional[str]:
    """The installed distribution's own number; None: it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def verdict(adapter: str, cann: str) -> Verdict:
    """Whether two releases belong together; "not known" where BELONGS says nothing of the adapter's.

    A beta is named without its number there: 9.2.0-beta.2 is a 9.2.0-beta.
    """
    if adapter not in BELONGS:
        return "not known"
    return "belong" if re.sub(r"(-beta)\.\d+$", r"\1", cann) in BELONGS[adapter] else "differ"


def _stated(home: Path) -> list[Release]:
    """What the files of one toolkit say."""
    found = [*_install_info(home, INSTALL_INFO), *_version_cfg(home / "version.cfg")]
    return found + [release for name in VERSION_INFO for release in _version_info(home / name)]


def _install_info(folder: Path, patterns: tuple[str, ...]) -> Iterator[Release]:
    for path in (path for pattern in patterns for path in sorted(folder.glob(pattern))):
        version = _values(path).get("version")
        if version:
            yield Release(version, str(path))


def _version_cfg(path: Path) -> list[Release]:
    """`toolkit_running_version=[7.5.0.1.129:8.0.RC3]`, and so for each part: its own number, then CANN's."""
    values = _values(path)
    parts = ["toolkit_running_version", *sorted(name for name in values if name.endswith("_running_version"))]
    versions = (values[name].strip("[]").rpartition(":")[2] for name in parts if name in values)
    return [Release(version, str(path)) for version in dict.fromkeys(versions) if version]


def _version_info(path: Path) -> list[Release]:
    values = _values(path)
    given = (values.get("version_dir", ""), values.get("Version", ""))
    versions = [version for version in given if version[:1].isdigit()]  # newer releases have version_dir=cann
    return [Release(version, str(path)) for version in versions[:1]]


def _values(path: Path) -> dict[str, str]:
    """The NAME=VALUE lines of a file; none where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def _origin(package: str) -> str:
    """The address that the distribution was installed from, where pip kept it."""
    try:
        kept = importlib.metadata.distribution(package).read_text("direct_url.json")
        return unquote(str(json.loads(kept or "{}").get("url", "")))
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        return ""
