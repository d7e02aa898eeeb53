"""An Ascend toolkit, an adapter's package and an npu-smi, as far as files and one small script make them."""

from __future__ import annotations

import json
from pathlib import Path

SMI = """\
+------------------------------------------------------------------------------------------------+
| npu-smi 25.5.2                   Version: 25.5.2                                               |
+---------------------------+---------------+----------------------------------------------------+
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
+===========================+===============+====================================================+
| 0     910B3               | OK            | 88.9        45                0    / 0             |
| 0                         | 0000:C1:00.0  | 0           0    / 0          3161 / 65536         |
+===========================+===============+====================================================+
| 5     910B3               | HEALTH        | 89.9        39                0    / 0             |
| 0     5                   | 0000:41:00.0  | 0           0    / 0          2922 / 65536         |
+===========================+===============+====================================================+
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
+===========================+===============+====================================================+
| 0       0                 | 19341         | python                   | 58472                   |
+===========================+===============+====================================================+
"""
"""What npu-smi info prints for two cards; HEALTH is to be replaced."""


def write(path: Path, content: str) -> None:
    """A file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def plant_install_info(home: Path, version: str) -> None:
    """ascend_toolkit_install.info as the vendor's installer writes it."""
    write(
        home / "aarch64-linux" / "ascend_toolkit_install.info",
        f"package_name=Ascend-cann-toolkit\nversion={version}\ninnerversion=V100R001C23SPC001B231\n"
        f"compatible_version=[V100R001C15],[V100R001C23]\narch=aarch64\nos=linux\npath={home}\n",
    )


def plant_version_cfg(home: Path, **parts: str) -> None:
    """version.cfg with a release for each part."""
    lines = [f"{part}_running_version=[7.5.0.1.129:{release}]\n" for part, release in parts.items()]
    write(home / "version.cfg", "# version: 1.0\n" + "".join(lines))


def plant_package(site: Path, name: str, url: str = "") -> None:
    """What pip leaves of the adapter's wheel, whose number is TensorFlow's; `url`: where it was installed from."""
    folder = site / f"{name}-2.6.5.dist-info"
    write(folder / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.6.5\n")
    if url:
        write(folder / "direct_url.json", json.dumps({"url": url, "archive_info": {}}))


def plant_smi(folder: Path, script: str) -> None:
    """An npu-smi of a shell script's lines."""
    write(folder / "npu-smi", f"#!/bin/sh\n{script}\n")
    (folder / "npu-smi").chmod(0o755)
