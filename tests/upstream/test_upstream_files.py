"""Putting the patch on files and taking it off; the script that is written beside them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import original_sources as sources
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerctl.errors import DataError, FailedError, NerctlError
from nerctl.upstream.launch_script import launch_script
from nerctl.upstream.patch_files import apply_patch, find_source, revert_patch

ORIGINAL = sources.source().replace("\n", "\r\n").encode()

HELPER = """\
import argparse
def get_args_parser():
    parser = argparse.ArgumentParser()
    group = parser.add_argument_group('x')
    group.add_argument('-do_predict', {predict})
    group.add_argument('-clean', {clean})
    path = 'F:\\chinese'
"""
BOOL = "type=bool, default=True"
STORE_FALSE = "action='store_false', default=True"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of the original: bert_base/train/bert_lstm_ner.py in CRLF, readable by its owner only."""
    train = tmp_path / "checkout" / "bert_base" / "train"
    train.mkdir(parents=True)
    (train / "train_helper.py").write_text(HELPER.format(predict=BOOL, clean=BOOL))
    (train / "bert_lstm_ner.py").write_bytes(ORIGINAL)
    (train / "bert_lstm_ner.py").chmod(0o640)
    return tmp_path / "checkout"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def patch(checkout: Path, device: str = "cuda", steps: int = 5, dry_run: bool = False):  # type: ignore[no-untyped-def]
    return apply_patch(find_source(checkout), device=device, steps=steps, dry_run=dry_run)


@pytest.mark.parametrize("device", ["cuda", "npu"])
def test_revert_restores_every_file_byte_for_byte(checkout: Path, device: str) -> None:
    before = everything(checkout)
    outcome = patch(checkout, device)
    assert outcome.status == "patched"
    assert outcome.original_sha256 == hashlib.sha256(ORIGINAL).hexdigest()
    assert outcome.sha256 == hashlib.sha256(outcome.path.read_bytes()).hexdigest() != outcome.original_sha256
    assert stat.S_IMODE(outcome.path.stat().st_mode) == 0o640
    reverted = revert_patch(outcome.path)
    assert reverted.status == "reverted" and reverted.sha256 == outcome.original_sha256
    assert everything(checkout) == before
    assert stat.S_IMODE(outcome.path.stat().st_mode) == 0o640


def test_dry_run_shows_the_diff_and_writes_nothing(checkout: Path) -> None:
    before = everything(checkout)
    outcome = patch(checkout, dry_run=True)
    assert (
        outcome.status == "would patch" and "+        stepHook = tf.train.StopAtStepHook(5)\n" in outcome.diff
    )
    assert everything(checkout) == before
    patch(checkout)
    patched = everything(checkout)
    assert revert_patch(find_source(checkout), dry_run=True).status == "would revert"
    assert everything(checkout) == patched


def test_second_call_changes_nothing(checkout: Path) -> None:
    patch(checkout)
    before = everything(checkout)
    outcome = patch(checkout)
    assert (outcome.status, outcome.diff) == ("unchanged", "")
    assert everything(checkout) == before


def test_other_options_patch_anew_from_the_original(checkout: Path) -> None:
    patch(checkout, "cuda", 5)
    again = patch(checkout, "npu", 7)
    text = again.path.read_text(encoding="utf-8")
    assert again.status == "patched" and "StopAtStepHook(7)" in text and "npu_bridge" in text
    assert text.count("class MyHook") == 1
    assert again.original_sha256 == hashlib.sha256(ORIGINAL).hexdigest()
    assert b"loss+perf_npu.txt" in (again.path.parent / "run_1p.sh").read_bytes()
    revert_patch(again.path)
    assert again.path.read_bytes() == ORIGINAL


def test_source_edited_since_is_reverted_only_by_force(checkout: Path) -> None:
    path = patch(checkout).path
    edited = path.read_bytes() + b"# mine\r\n"
    path.write_bytes(edited)
    assert patch(checkout).status == "patched by hand"
    with pytest.raises(NerctlError, match="--force"):
        revert_patch(path)
    assert path.read_bytes() == edited
    revert_patch(path, force=True)
    assert path.read_bytes() == ORIGINAL


def test_file_replaced_by_another_version_keeps_both_originals(checkout: Path) -> None:
    path = patch(checkout).path
    newer = sources.source(comment=False).encode()
    path.write_bytes(newer)  # as pip install --upgrade does
    assert patch(checkout).status == "patched"
    kept = {other.read_bytes() for other in path.parent.glob("*.nerctl-original*")}
    assert kept == {ORIGINAL, newer}
    revert_patch(path)
    assert path.read_bytes() == newer


def test_revert_of_what_is_the_original_already_clears_up(checkout: Path) -> None:
    before = everything(checkout)
    path = patch(checkout).path
    path.write_bytes(ORIGINAL)
    assert revert_patch(path).status == "original"
    assert everything(checkout) == before


def test_revert_without_a_patch_says_so(checkout: Path) -> None:
    with pytest.raises(NerctlError, match="nothing to revert"):
        revert_patch(find_source(checkout))


def test_damaged_record_or_original_is_not_restored_blindly(checkout: Path) -> None:
    path = patch(checkout).path
    record = path.with_name(path.name + ".nerctl-patch.json")
    record.write_text("{")
    with pytest.raises(NerctlError, match="--force"):
        revert_patch(path)
    revert_patch(path, force=True)
    assert path.read_bytes() == ORIGINAL
    patch(checkout)
    kept = path.with_name(path.name + ".nerctl-original")
    kept.write_bytes(b"something else")
    patched = path.read_bytes()
    with pytest.raises(NerctlError, match="SHA-256 differs"):
        revert_patch(path, force=True)
    assert path.read_bytes() == patched


def test_record_of_a_later_version_with_more_in_it_still_reverts(checkout: Path) -> None:
    path = patch(checkout).path
    record = path.with_name(path.name + ".nerctl-patch.json")
    values = json.loads(record.read_text())
    record.write_text(json.dumps({**values, "nerctl": "99.0", "more": [1]}))
    assert revert_patch(path).status == "reverted"


def test_unknown_source_leaves_everything_as_it_was(checkout: Path) -> None:
    path = find_source(checkout)
    path.write_text("import os\n")
    before = everything(checkout)
    with pytest.raises(DataError, match="left untouched"):
        patch(checkout)
    assert everything(checkout) == before


def test_disk_that_refuses_leaves_the_source_as_it_was(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = find_source(checkout)
    replace = os.replace

    def refuse(temporary: str, target: Path) -> None:
        if Path(target) == path:
            raise OSError(28, "No space left on device")
        replace(temporary, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(FailedError, match="the disk is full; free some space"):
        patch(checkout)
    assert path.read_bytes() == ORIGINAL
    assert not [other for other in path.parent.iterdir() if other.name.startswith(".")]
    monkeypatch.undo()
    assert patch(checkout).status == "patched"
    assert revert_patch(path).status == "reverted" and path.read_bytes() == ORIGINAL


def test_source_is_found_by_checkout_package_or_file(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = (checkout / "bert_base" / "train" / "bert_lstm_ner.py").resolve()
    for named in (checkout, checkout / "bert_base", checkout / "bert_base" / "train", path):
        assert find_source(named) == path
    monkeypatch.chdir(checkout)
    assert find_source(None) == path
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NerctlError, match="name the checkout"):
        find_source(None)
    with pytest.raises(NerctlError, match=r"name the original's checkout"):
        find_source(tmp_path)
    (checkout / "bert_base" / "__init__.py").write_text(
        "raise RuntimeError('importing it would need TF 1')\n"
    )
    monkeypatch.syspath_prepend(str(checkout))
    assert find_source(None) == path


def test_script_of_the_user_is_kept(checkout: Path) -> None:
    script = find_source(checkout).parent / "run_1p.sh"
    script.write_text("#!/bin/sh\necho mine\n")
    outcome = patch(checkout)
    assert outcome.script is None and "kept" in outcome.notes[0]
    assert script.read_text() == "#!/bin/sh\necho mine\n"
    revert_patch(outcome.path)
    assert script.read_text() == "#!/bin/sh\necho mine\n"


def test_script_edited_since_is_kept(checkout: Path) -> None:
    path = patch(checkout).path
    script = path.parent / "run_1p.sh"
    script.write_text(script.read_text() + "# mine\n")
    assert "kept" in revert_patch(path).notes[0] and script.read_text().endswith("# mine\n")
    assert patch(checkout).script is None
    revert_patch(path)
    assert script.read_text().endswith("# mine\n")


FAKE_PYTHON = """\
#!/bin/sh
printf '%s\\n' "$@" > arguments.txt
env | sort > environment.txt
echo noise
echo 'step: 1, cost time: 0.500s, losses: 12.500'
exit ${FAKE_STATUS:-0}
"""


def run_script(
    script: Path, work: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the script where a stand-in for python3 notes its arguments and environment."""
    fake = work.parent / "fake-python"
    fake.write_text(FAKE_PYTHON)
    fake.chmod(0o755)
    for name in ("NERdata/train.txt", "NERdata/dev.txt", "NERdata/test.txt", "model/vocab.txt"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).touch()
    return subprocess.run(
        ["sh", str(script), *arguments],
        cwd=work,
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(fake), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder that the script is run in."""
    if shutil.which("sh") is None:
        pytest.skip("no sh on this system")
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_script_runs_the_note_s_recipe_and_empties_nothing(checkout: Path, work: Path) -> None:
    script = patch(checkout).script
    (work / "output").mkdir()
    (work / "output" / "mine.txt").write_text("mine")
    (work / "loss+perf_gpu.txt").write_text("an earlier log\n")
    done = run_script(script, work, "-max_seq_length", "32")
    assert done.returncode == 0, done.stderr
    assert "step: 1, cost time: 0.500s, losses: 12.500" in done.stdout and "noise" not in done.stdout
    assert (work / "output" / "mine.txt").read_text() == "mine"
    assert (work / "loss+perf_gpu.txt").read_text() == "an earlier log\n"
    assert "noise\nstep: 1" in (work / "loss+perf_gpu-2.txt").read_text()
    arguments = (work / "arguments.txt").read_text().split("\n")
    pairs = dict(zip(arguments[3::2], arguments[4::2]))
    assert (
        pairs["-batch_size"] == "32"
        and pairs["-learning_rate"] == "2e-5"
        and pairs["-num_train_epochs"] == "1"
    )
    assert (
        pairs["-output_dir"] == "output-2" and pairs["-data_dir"] == "NERdata" and pairs["-device_map"] == "5"
    )
    assert pairs["-clean"] == "" and pairs["-do_predict"] == ""  # bool("") is the only false
    assert pairs["-max_seq_length"] == "32"
    environment = (work / "environment.txt").read_text()
    assert f"PYTHONPATH={checkout.resolve()}\n" in environment
    assert "rm " not in script.read_text()


def test_script_takes_the_note_s_names_where_they_are_free(checkout: Path, work: Path) -> None:
    assert run_script(patch(checkout).script, work, DEVICE_MAP="0").returncode == 0
    assert (work / "loss+perf_gpu.txt").exists() and (work / "output").is_dir()
    assert "-device_map\n0\n" in (work / "arguments.txt").read_text()


def test_script_hands_on_the_exit_status_and_says_when_something_is_missing(
    checkout: Path, work: Path
) -> None:
    script = patch(checkout).script
    assert run_script(script, work, FAKE_STATUS="3").returncode == 3
    done = run_script(script, work, DATA="nowhere")
    assert done.returncode == 2 and "nowhere/train.txt is missing" in done.stderr


def test_npu_script_sets_the_one_card_environment_where_it_is_unset(checkout: Path, work: Path) -> None:
    script = patch(checkout, "npu").script
    refused = run_script(script, work)
    assert refused.returncode == 2 and "set_env.sh" in refused.stderr
    done = run_script(script, work, ASCEND_OPP_PATH="/opp", ASCEND_DEVICE_ID="6", JOB_ID="")
    assert done.returncode == 0, done.stderr
    environment = (work / "environment.txt").read_text().split("\n")
    for line in ("ASCEND_DEVICE_ID=6", "JOB_ID=", "RANK_ID=0", "RANK_SIZE=1", "SLOG_PRINT_TO_STDOUT=0"):
        assert line in environment
    assert (work / "loss+perf_npu.txt").exists()
    assert "-device_map" not in (work / "arguments.txt").read_text()


@pytest.mark.parametrize(
    ("predict", "clean", "expected"),
    [
        (BOOL, BOOL, "-do_predict '' -clean '' "),
        (STORE_FALSE, STORE_FALSE, "-do_predict -clean "),
        ("action='store_true'", BOOL, "-clean '' "),
    ],
)
def test_switches_go_off_as_the_version_takes_them(
    tmp_path: Path, predict: str, clean: str, expected: str
) -> None:
    helper = tmp_path / "train_helper.py"
    helper.write_text(HELPER.format(predict=predict, clean=clean))
    assert f"    {expected}\\\n" in launch_script("cuda", 5, "../..", helper)


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(list(sources.VARIANTS.values())),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.lists(st.tuples(st.sampled_from(["cuda", "npu"]), st.integers(1, 50)), min_size=1, max_size=4),
)
def test_any_chain_of_patches_reverts_to_the_first_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    variant: str,
    line_end: str,
    encoding: str,
    calls: list[tuple[str, int]],
) -> None:
    path = tmp_path_factory.mktemp("chain") / "bert_lstm_ner.py"
    raw = variant.replace("\n", line_end).encode(encoding)
    path.write_bytes(raw)
    for device, steps in calls:
        apply_patch(path, device=device, steps=steps)
    assert path.read_bytes() != raw
    revert_patch(path)
    assert path.read_bytes() == raw
    assert [other.name for other in path.parent.iterdir()] == [path.name]
