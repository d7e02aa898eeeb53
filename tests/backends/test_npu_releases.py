"""Releases of CANN and of the adapter are read in every place that has them, and checked by what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest
from planted_toolkit import plant_install_info, plant_package, plant_version_cfg, write

from nerctl.backends.npu_releases import adapter_release, cann_releases, package_version, verdict


def versions(environment: dict[str, str], root: Path) -> list[str]:
    return [release.version for release in cann_releases(environment, root)]


def test_nothing_installed_is_no_release(tmp_path: Path) -> None:
    assert cann_releases({}, tmp_path) == []
    assert cann_releases({"ASCEND_TOOLKIT_HOME": str(tmp_path / "gone"), "ASCEND_OPP_PATH": ""}, tmp_path) == []
    assert adapter_release({}, tmp_path) is None
    assert package_version("npu_device_that_is_not_here") is None


@pytest.mark.parametrize("name", ["ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH"])
def test_the_toolkit_of_the_environment_is_read_before_the_default_place(tmp_path: Path, name: str) -> None:
    plant_install_info(tmp_path / "mine", "9.1.0")
    plant_install_info(tmp_path / "ascend-toolkit/latest", "8.0.RC3")
    assert versions({name: str(tmp_path / "mine")}, tmp_path) == ["9.1.0"]
    assert versions({}, tmp_path) == ["8.0.RC3"]
    plant_install_info(tmp_path / "cann", "9.2.0-beta.2")
    assert versions({}, tmp_path) == ["9.2.0-beta.2"], "newer releases go to cann/"


@pytest.mark.parametrize(
    ("place", "content", "version"),
    [
        ("version.cfg", "# version: 1.0\nruntime_running_version=[7.5.0.1.129:8.0.RC3]\n"
                        "toolkit_running_version=[7.5.0.1.129:8.0.RC3]\ntoolkit_upgrade_version=[7.3.0.1.100:8.0.RC1]\n",
         "8.0.RC3"),
        ("opp/version.info", "Version=7.6.0.1.220\nversion_dir=8.0.0\n", "8.0.0"),
        ("compiler/version.info", 'Version=9.2.0-beta.2\nversion_dir=cann\nrequired_package_opp_version="9.2"\n',
         "9.2.0-beta.2"),
        ("version.info", "Version=9.1.0\n", "9.1.0"),
    ],
)  # fmt: skip
def test_each_form_of_version_file_is_read(tmp_path: Path, place: str, content: str, version: str) -> None:
    write(tmp_path / place, content)
    assert versions({"ASCEND_HOME_PATH": str(tmp_path)}, tmp_path) == [version]


def test_places_that_contradict_each_other_are_all_told(tmp_path: Path) -> None:
    plant_install_info(tmp_path / "toolkit", "8.0.RC3")
    plant_version_cfg(tmp_path / "toolkit", toolkit="8.0.RC3", opp="9.1.0")
    write(tmp_path / "other/opp/version.info", "Version=8.5.0\nversion_dir=8.5.0\n")
    environment = {"ASCEND_TOOLKIT_HOME": str(tmp_path / "toolkit"), "ASCEND_OPP_PATH": str(tmp_path / "other/opp")}
    assert versions(environment, tmp_path) == ["8.0.RC3", "8.0.RC3", "9.1.0", "8.5.0"]


def test_one_toolkit_under_two_names_is_told_once(tmp_path: Path) -> None:
    plant_install_info(tmp_path / "9.1.0", "9.1.0")
    (tmp_path / "latest").symlink_to(tmp_path / "9.1.0")
    environment = {"ASCEND_TOOLKIT_HOME": str(tmp_path / "latest"), "ASCEND_HOME_PATH": str(tmp_path / "9.1.0")}
    assert versions(environment, tmp_path) == ["9.1.0"]


def test_files_that_say_nothing_are_no_release(tmp_path: Path) -> None:
    for content in ("", "version=\n", "\x00\xff", "version 9.1.0"):
        write(tmp_path / "aarch64-linux/ascend_toolkit_install.info", content)
        assert cann_releases({"ASCEND_HOME_PATH": str(tmp_path)}, tmp_path) == []
    (tmp_path / "version.cfg").mkdir()
    assert cann_releases({"ASCEND_HOME_PATH": str(tmp_path)}, tmp_path) == []


def test_the_wheels_number_is_tensorflows_and_its_address_has_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    plant_package(tmp_path, "npu_device_planted")
    assert package_version("npu_device_planted") == "2.6.5"
    assert adapter_release({}, tmp_path, "npu_device_planted") is None
    plant_package(tmp_path, "npu_device_tagged", "https://example.org/releases/download/tfa_v0.0.49_9.1.0/npu_device.whl")
    found = adapter_release({}, tmp_path, "npu_device_tagged")
    assert found is not None and found.version == "9.1.0" and "tfa_v0.0.49_9.1.0" in found.place
    plant_package(tmp_path, "npu_device_local", "file:///downloads/npu_device.whl")
    assert adapter_release({}, tmp_path, "npu_device_local") is None


def test_an_adapter_that_came_as_a_package_of_the_toolkit_has_a_file_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "ascend/tfplugin/latest/ascend_tfplugin_install.info", "package_name=tfplugin\nversion=8.0.RC3\n")
    for root, environment in (
        (tmp_path / "ascend", {}),
        (tmp_path, {"ASCEND_TOOLKIT_HOME": str(tmp_path / "ascend/ascend-toolkit/latest")}),
        (tmp_path, {"ASCEND_HOME_PATH": str(tmp_path / "ascend/cann-9.1.0")}),
    ):
        found = adapter_release(environment, root, "npu_device_planted")
        assert found is not None and found.version == "8.0.RC3"


@pytest.mark.parametrize(
    ("adapter", "cann", "said"),
    [
        ("9.1.0", "9.1.0", "belong"),
        ("9.1.0", "9.2.0-beta", "belong"),
        ("9.1.0", "9.2.0-beta.2", "belong"),
        ("9.1.0", "9.2.0", "differ"),
        ("9.1.0", "9.1.0-beta.1", "differ"),
        ("9.1.0", "8.0.RC3", "differ"),
        ("8.0.RC3", "8.0.RC3", "not known"),
        ("9.0.0", "9.1.0", "not known"),
    ],
)
def test_what_the_notes_of_adapter_9_1_0_say_and_nothing_else_is_known(adapter: str, cann: str, said: Optional[str]) -> None:
    assert verdict(adapter, cann) == said
