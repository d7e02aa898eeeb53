"""fetch-bert and push against a hub on loopback, with the real client library in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import pytest
from model_hub import Hub, Repository
from published import folder_of, reference, write_safetensors

from nerctl.encoders.opening import open_encoder
from nerctl.encoders.origin import read_origin, write_origin
from nerctl.errors import ModelError, NerctlError
from nerctl.transfer.encoder import fetch_encoder
from nerctl.transfer.hub import address_of

pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'nerctl[hub]'")

ROOT = Path(__file__).resolve().parents[2]
NAME = "hfl/chinese-tiny-bert"


class Ran(NamedTuple):
    """What a command came to."""

    code: int
    said: str


Nerctl = Callable[..., Ran]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as cdn, Hub(cdn) as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """A small encoder as it is published, with weights that come from the CDN."""
    known = reference("bert")
    folder = folder_of(tmp_path / "published", known["config"])
    write_safetensors(folder / "model.safetensors", known["w"])
    (folder / "README.md").write_text("a card\n")
    (folder / "pytorch_model.bin").write_bytes(b"not wanted")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def nerctl(tmp_path: Path, hub: Hub) -> Nerctl:
    """Runs nerctl in a process whose hub is the one on loopback and whose cache is empty at first."""
    base = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "NERCTL_"))}
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}

    def run(*words: str, **environment: str) -> Ran:
        result = subprocess.run(
            [sys.executable, "-m", "nerctl", *words], cwd=tmp_path, env={**base, **own, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        return Ran(result.returncode, " ".join(result.stdout.split()))

    return run


def test_an_encoder_is_fetched_pinned_and_known_by_its_checksums(
    tmp_path: Path, hub: Hub, files: dict[str, bytes], nerctl: Nerctl
) -> None:
    hub.repositories[NAME] = Repository()
    commit = hub.repositories[NAME].commit(files)
    code, said = nerctl("fetch-bert", NAME)
    assert code == 0 and f"{NAME}@{commit}" in said, said
    assert any(request.startswith("GET /cdn/") for request in hub.cdn.requests)
    assert not any("pytorch_model" in request for request in hub.requests)
    assert b"a card" in (tmp_path / "model" / "README.md").read_bytes()
    origin = read_origin(tmp_path / "model")
    assert (origin["repository"], origin["commit"]) == (NAME, commit)
    assert {"bert_config.json", "vocab.txt", "bert_model.ckpt.data-00000-of-00001"} <= set(origin["files"])
    # The same as the folder that was published, and a second time nothing is written.
    sides = [open_encoder(tmp_path / place).initial(lambda name, shape: np.zeros(shape)) for place in ("model", "published")]
    name = "bert/encoder/layer_0/attention/self/query/kernel"
    assert np.array_equal(*(side(name, (8, 8)) for side in sides)) and sides[0](name, (8, 8)).any()
    assert "0 files written" in nerctl("fetch-encoder", NAME).said
    # A new commit under the same name is another encoder, which takes the place of this one only when told to.
    hub.repositories[NAME].commit({**files, "vocab.txt": files["vocab.txt"].replace(b"\nf\n", b"\ng\n")})
    code, said = nerctl("fetch-bert", NAME)
    assert code == 2 and "is there with other content" in said
    assert nerctl("fetch-bert", f"{NAME}@{commit}").code == 0
    assert nerctl("fetch-bert", NAME, "--force").code == 0
    assert read_origin(tmp_path / "model")["commit"] != commit


@pytest.mark.parametrize("name", ["vocab.txt", "bert_model.ckpt.data-00000-of-00001"])
def test_a_file_that_was_altered_since_is_found_when_the_encoder_is_used(
    tmp_path: Path, files: dict[str, bytes], name: str
) -> None:
    fetched = fetch_encoder(None, tmp_path / "model", local=tmp_path / "published").folder
    write_origin(fetched, NAME, "c0ffee", [path.name for path in fetched.iterdir()])
    open_encoder(fetched).initial(lambda name, shape: np.zeros(shape))
    path = fetched / name
    path.write_bytes(path.read_bytes()[:-2] + b"g\n")
    with pytest.raises(ModelError, match=rf"{name}: missing, or not what nerctl fetch-bert put there.*fetch {NAME} again"):
        open_encoder(fetched).initial(lambda name, shape: np.zeros(shape))


def test_files_of_one_commit_are_taken_though_the_branch_moves_in_between(
    tmp_path: Path, hub: Hub, files: dict[str, bytes], nerctl: Nerctl
) -> None:
    hub.repositories[NAME] = Repository()
    commit = hub.repositories[NAME].commit(files)
    config = json.dumps({**json.loads(files["config.json"]), "vocab_size": 999}).encode()
    hub.after_config = lambda: hub.repositories[NAME].commit({"config.json": config})
    code, said = nerctl("fetch-bert", NAME)
    assert code == 0 and commit in said
    assert len(hub.repositories[NAME].commits) == 2


def test_broken_connections_and_busy_answers_are_got_over(hub: Hub, files: dict[str, bytes], nerctl: Nerctl) -> None:
    hub.repositories[NAME] = Repository()
    hub.repositories[NAME].commit(files)
    assert hub.cdn is not None
    hub.cdn.cut = 1
    code, said = nerctl("fetch-bert", NAME)
    if code:  # an older client gives up; what it has is kept, and the next command goes on
        assert code == 1 and "run the same command again" in said, said
        assert nerctl("fetch-bert", NAME).code == 0
    hub.busy = 100
    code, said = nerctl("fetch-bert", NAME, "--to", "other", HF_HOME="elsewhere")
    assert code == 1 and "asks for a pause (HTTP 429); run the same command again" in said, said


def test_offline_takes_what_was_fetched_before_and_says_what_is_missing(
    tmp_path: Path, hub: Hub, files: dict[str, bytes], nerctl: Nerctl
) -> None:
    hub.repositories[NAME] = Repository()
    hub.repositories[NAME].commit(files)
    code, said = nerctl("fetch-bert", NAME, HF_HUB_OFFLINE="1")
    assert code == 1 and "cannot be reached and the cache has nothing of it" in said
    assert nerctl("fetch-bert", NAME).code == 0
    asked = len(hub.requests)
    code, said = nerctl("fetch-bert", NAME, "--to", "again", HF_HUB_OFFLINE="1")
    assert code == 0 and "what was fetched" in said and len(hub.requests) == asked
    assert read_origin(tmp_path / "again") == read_origin(tmp_path / "model")


def test_refusals_are_one_sentence_each_and_leave_no_folder(
    tmp_path: Path, hub: Hub, files: dict[str, bytes], nerctl: Nerctl
) -> None:
    hub.repositories.update({NAME: Repository(), "a/gated": Repository(gated=True, token="t"), "a/gpt": Repository()})
    hub.repositories[NAME].commit(files)
    hub.repositories["a/gated"].commit(files)
    hub.repositories["a/private"] = Repository(token="may-read")
    hub.repositories["a/private"].commit(files)
    hub.repositories["a/gpt"].commit({**files, "config.json": b'{"model_type": "gpt2"}'})
    hub.repositories["a/flax"] = Repository()
    hub.repositories["a/flax"].commit({"config.json": files["config.json"], "flax_model.msgpack": b"x"})
    hub.repositories["a/empty"] = Repository()
    hub.repositories["a/empty"].commit({"README.md": b"nothing"})
    for name, sentence in (
        ("hfl/chinese-macbert-bas", "did you mean hfl/chinese-macbert-base?"),
        (f"{NAME}@v9", "no such revision"),
        ("a/gated", "agree on its page"),
        ("a/private", "or shows it to nobody without a token (HF_TOKEN)"),
        ("a/gpt", 'model_type is "gpt2"'),
        ("a/flax", "has no model.safetensors, pytorch_model.bin or tf_model.h5"),
        ("a/empty", "has no config.json"),
        ("a/b/c", "no name of an encoder"),
    ):
        code, said = nerctl("fetch-bert", name)
        assert code == 2 and sentence in said and said.count("error: ") == 1, said
        assert "Traceback" not in said and not (tmp_path / "model").exists()
    assert nerctl("fetch-bert", "a/private", HF_TOKEN="may-read").code == 0


def test_what_goes_up_comes_down_equal(tmp_path: Path, hub: Hub, files: dict[str, bytes], nerctl: Nerctl) -> None:
    """An export has config.json and model.safetensors, as the published folder does."""
    (tmp_path / "published" / "pytorch_model.bin").unlink()
    code, said = nerctl("push", "published", "me/ner")
    assert code == 0 and "model.safetensors" in said and "--yes uploads them" in said and not hub.repositories
    code, said = nerctl("push", "published", "me/ner", "--yes")
    assert code == 2 and "needs a token that may write" in said and not hub.repositories
    code, said = nerctl("push", "published", "me/ner", "--yes", HF_TOKEN="wrong")
    assert code == 2 and "refuses the token" in said and not hub.repositories, said
    code, said = nerctl("push", "published", "me/ner", "--yes", HF_TOKEN="may-write")
    assert code == 0 and f"{hub.url}/me/ner/commit/" in said, said
    repository = hub.repositories["me/ner"]
    gone_up = {path.name: path.read_bytes() for path in (tmp_path / "published").iterdir()}
    assert {name: repository.commits[repository.branches["main"]][name] for name in gone_up} == gone_up
    assert nerctl("fetch-bert", "me/ner").code == 0
    sides = [open_encoder(tmp_path / place).initial(lambda name, shape: np.zeros(shape)) for place in ("model", "published")]
    name = "bert/encoder/layer_0/output/dense/kernel"
    shape = np.transpose(reference("bert")["w"]["encoder.layer.0.output.dense.weight"]).shape
    assert np.array_equal(*(side(name, shape) for side in sides))
    (tmp_path / "plain").mkdir()
    code, said = nerctl("push", "plain", "me/ner")
    assert code == 2 and "is no export" in said


def test_names_near_those_that_need_no_hub_are_no_repositories() -> None:
    with pytest.raises(NerctlError, match="did you mean e5-small-zh"):
        address_of("e5-smal-zh")
    assert str(address_of("hfl/rbt3@main")) == "hfl/rbt3" and address_of("hfl/rbt3@abc").revision == "abc"
    for wrong in ("", "a/b/c", "a b", "a/../b", "http://x/y", "a@"):
        with pytest.raises(NerctlError, match="no name of an encoder"):
            address_of(wrong)
