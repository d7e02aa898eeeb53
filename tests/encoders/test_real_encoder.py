"""e5-small-zh in every published form trains to the losses of its Google form: minutes long, run by hand."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from command_line import nerctl
from published import write_bin, write_h5, write_safetensors

from nerctl.encoders.opening import open_encoder
from nerctl.model.families import variables

STEPS = 3


def losses(encoder: Path, output: Path, data: Path) -> list[float]:
    code, _, said = nerctl(
        "train", "--data-dir", str(data), "--bert-dir", str(encoder), "--output-dir", str(output), "--device", "cpu",
        "--steps", str(STEPS), "--max-seq-length", "64", "--batch-size", "8", "--no-test",
    )  # fmt: skip
    assert code == 0, said
    return [json.loads(line)["loss"] for line in (output / "steps.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_e5_small_zh_in_each_form_trains_to_the_same_losses(shared: Path, workplace: Path) -> None:
    with zipfile.ZipFile(shared / "weights" / "e5-small-zh_L-12_H-384_A-12.zip") as archive:
        archive.extractall(workplace / "google")
    (google,) = (workplace / "google").iterdir()
    opened = open_encoder(google)
    initial = opened.initial(lambda name, shape: np.zeros(shape, np.float32))
    state = {}
    for row in variables(opened.config):
        value = initial(row.name, row.shape)
        state[row.torch[0]] = np.ascontiguousarray(value.T) if row.turned else value
    wanted = losses(google, workplace / "out-google", workplace / "NERdata")
    assert len(wanted) == STEPS
    for form in ("safetensors", "bin", "h5", "float16"):
        folder = workplace / form
        folder.mkdir()
        (folder / "vocab.txt").write_bytes((google / "vocab.txt").read_bytes())
        (folder / "config.json").write_text(json.dumps({**opened.config.as_dict(), "model_type": "bert"}))
        if form == "bin":
            write_bin(folder / "pytorch_model.bin", state)
        elif form == "h5":
            write_h5(folder / "tf_model.h5", "bert", state, True)
        else:
            write_safetensors(folder / "model.safetensors", state, "float16" if form == "float16" else "float32")
        found = losses(folder, workplace / f"out-{form}", workplace / "NERdata")
        if form == "float16":
            np.testing.assert_allclose(found, wanted, rtol=1e-3)
        else:
            assert found == wanted
