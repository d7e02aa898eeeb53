"""Options of the Ascend adapter are checked before anything is loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerctl.backends import DeviceOptions, backend_for
from nerctl.backends.npu import NpuBackend
from nerctl.backends.npu_options import CHOICES, TEXTS, apply_options, parse_options
from nerctl.errors import DeviceError


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@given(st.sampled_from(sorted(CHOICES)), st.data())
def test_every_documented_value_is_taken_with_its_own_type(name: str, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(CHOICES[name]))
    parsed = parse_options([f"{name}={shown(value)}"])
    assert parsed == {name: value}
    assert type(parsed[name]) is type(value)


@given(st.text(min_size=1, max_size=30))
def test_any_other_name_or_value_is_refused_and_named(text: str) -> None:
    known = {f"{name}={shown(value)}" for name, values in CHOICES.items() for value in values}
    name, _, value = text.partition("=")
    if text in known or (name in TEXTS and value):
        return
    with pytest.raises(DeviceError) as caught:
        parse_options([text])
    assert name in str(caught.value)


def test_a_mistyped_name_gets_the_right_one_as_a_hint() -> None:
    with pytest.raises(DeviceError, match="did you mean precision_mode"):
        parse_options(["precison_mode=force_fp16"])


def test_both_precision_modes_at_once_are_refused() -> None:
    with pytest.raises(DeviceError, match="exclude each other"):
        parse_options(["precision_mode=force_fp16", "precision_mode_v2=fp16"])


def test_text_options_keep_equals_signs() -> None:
    text = 'profiling_config.profiling_options={"a":"b=c"}'
    assert parse_options([text]) == {"profiling_config.profiling_options": '{"a":"b=c"}'}


@pytest.mark.parametrize(
    ("precision", "given", "scaled"),
    [
        ("float32", (), False),
        ("mixed_bfloat16", (), False),
        ("mixed_float16", (), True),
        ("float32", ("precision_mode=allow_mix_precision",), True),
        ("float32", ("precision_mode_v2=fp16",), True),
        ("float32", ("precision_mode=must_keep_origin_dtype",), False),
    ],
)
def test_the_loss_is_scaled_wherever_float16_may_be_used(precision: str, given: tuple, scaled: bool) -> None:
    backend = NpuBackend(DeviceOptions(device="npu", precision=precision, npu_options=given))
    assert backend.loss_scaling is scaled


def test_a_precision_mode_of_the_user_replaces_the_default() -> None:
    options = NpuBackend(DeviceOptions(device="npu", npu_options=("precision_mode_v2=origin",))).adapter_options
    assert options["precision_mode_v2"] == "origin"
    assert "precision_mode" not in options


def test_options_that_other_devices_do_not_have_are_refused() -> None:
    for device in ("cpu", "cuda"):
        with pytest.raises(DeviceError, match="--npu-option needs --device npu"):
            backend_for(DeviceOptions(device=device, npu_options=("deterministic=1",)))
    with pytest.raises(DeviceError, match="--batch-shape bucketed"):
        backend_for(DeviceOptions(device="npu", batch_shape="bucketed"))
    with pytest.raises(DeviceError, match="--xla"):
        backend_for(DeviceOptions(device="npu", xla=True))
    with pytest.raises(DeviceError, match="mixed_float16 needs"):
        backend_for(DeviceOptions(device="cpu", precision="mixed_float16"))


class Picky:
    """An options object of a release that takes texts for truth values, and knows no `deterministic`."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "deterministic":
            raise ValueError("NpuConfig has no option deterministic")
        if not isinstance(value, str):
            raise ValueError(f"{value!r} not in optional list")
        self.__dict__[name] = value


def test_a_release_that_wants_texts_gets_texts_and_a_refusal_is_one_sentence() -> None:
    target = Picky()
    apply_options(target, {"jit_compile": True})
    assert target.jit_compile == "true"
    with pytest.raises(DeviceError, match="refuses the option deterministic=1"):
        apply_options(target, {"deterministic": 1})
