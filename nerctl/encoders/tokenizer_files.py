"""The vocabulary of a published encoder, and whether its text is lower-cased: vocab.txt, tokenizer_config.json,
tokenizer.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from nerctl.data.tokenizer import LONGEST_WORD, Vocabulary
from nerctl.errors import ModelError
from nerctl.model.encoder_config import read_json

TEXT, SETTINGS, WHOLE = "vocab.txt", "tokenizer_config.json", "tokenizer.json"
"""Names of the files."""

OTHERS = {
    "spiece.model": "SentencePiece",
    "sentencepiece.bpe.model": "SentencePiece",
    "tokenizer.model": "SentencePiece",
    "merges.txt": "BPE",
}
"""Files of vocabularies of another kind."""

ONLY = "nerctl reads WordPiece vocabularies only; name an encoder with a vocab.txt"
"""What to do about any other."""


def read_tokenizer(folder: Path) -> tuple[Vocabulary, Optional[bool]]:
    """The vocabulary in a folder, and whether text is to be lower-cased; None where the folder does not say.

    vocab.txt is read where there is one, else tokenizer.json.

    Raises:
        ModelError: there is none, it is no WordPiece vocabulary, or it treats text in a way that is not followed here.
    """
    if (folder / TEXT).is_file():
        return Vocabulary.read(folder / TEXT), lower_case_of(folder)
    if (folder / WHOLE).is_file():
        return _of_tokenizer_json(folder / WHOLE)
    for name, kind in OTHERS.items():
        if (folder / name).is_file():
            raise ModelError(f"{folder / name}: a vocabulary of the kind {kind}; {ONLY}")
    raise ModelError(f"{folder}: no {TEXT} and no {WHOLE} in it; take the {TEXT} that was published with the weights")


def lower_case_of(folder: Path) -> Optional[bool]:
    """Whether tokenizer_config.json asks for lower case; None where it is missing or does not say.

    Raises:
        ModelError: it is damaged, or treats text in a way that is not followed here.
    """
    path = folder / SETTINGS
    if not path.is_file():
        return None
    values = read_json(path)
    lower = values.get("do_lower_case")
    if lower is not None and not isinstance(lower, bool):
        raise ModelError(f"{path}: do_lower_case is {lower!r} and should be true or false")
    _refuse_others(path, values, "strip_accents", "tokenize_chinese_chars", lower)
    return lower


def _refuse_others(path: Path, values: Mapping[str, Any], accents: str, chinese: str, lower: Optional[bool]) -> None:
    strips = values.get(accents)
    if strips is not None and strips is not (True if lower is None else lower):
        raise ModelError(
            f"{path}: {accents} is {str(strips).lower()} beside another value for lower case; nerctl strips accents where "
            "it lower-cases and nowhere else"
        )
    if values.get(chinese) is False:
        raise ModelError(f"{path}: {chinese} is false; nerctl takes each Chinese character as a word, as BERT does")


def _of_tokenizer_json(path: Path) -> tuple[Vocabulary, Optional[bool]]:
    values = read_json(path)
    model, normaliser = _table(path, values, "model"), _table(path, values, "normalizer")
    kind = model.get("type")
    if kind != "WordPiece":
        raise ModelError(f"{path}: its model is {kind or 'of no named kind'}; {ONLY}")
    before = _table(path, values, "pre_tokenizer").get("type")
    wanted: dict[str, tuple[Any, Any]] = {
        "normalizer": (normaliser.get("type"), "BertNormalizer"),
        "pre_tokenizer": (before, "BertPreTokenizer"),
        "unk_token": (model.get("unk_token", "[UNK]"), "[UNK]"),
        "continuing_subword_prefix": (model.get("continuing_subword_prefix", "##"), "##"),
        "max_input_chars_per_word": (model.get("max_input_chars_per_word", LONGEST_WORD), LONGEST_WORD),
    }
    for name, (found, right) in wanted.items():
        if found != right:
            raise ModelError(f"{path}: {name} is {found!r} and BERT's is {right!r}; {ONLY}")
    lower = normaliser.get("lowercase", True)
    if not isinstance(lower, bool):
        raise ModelError(f"{path}: lowercase is {lower!r} and should be true or false")
    _refuse_others(path, normaliser, "strip_accents", "handle_chinese_chars", lower)
    return Vocabulary(_pieces(path, model.get("vocab"), values.get("added_tokens")), str(path)), lower


def _table(path: Path, values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ModelError(f"{path}: {name} is no object; fetch the encoder again")
    return found


def _pieces(path: Path, entries: Any, added: Any) -> list[str]:
    """The pieces by number, those that were added later among them."""
    pieces: dict[Any, str] = {}
    more = [(one.get("content"), one.get("id")) for one in added or [] if isinstance(one, dict)]
    for piece, number in [*(entries.items() if isinstance(entries, dict) else []), *more]:
        if not isinstance(piece, str) or not isinstance(number, int) or pieces.setdefault(number, piece) != piece:
            raise ModelError(f"{path}: its vocabulary has no one number for each piece; fetch the encoder again")
    missing = next((number for number in range(len(pieces)) if number not in pieces), None)
    if missing is not None or not pieces:
        raise ModelError(f"{path}: its vocabulary lacks the piece {missing or 0}; fetch the encoder again")
    return [pieces[number] for number in range(len(pieces))]
