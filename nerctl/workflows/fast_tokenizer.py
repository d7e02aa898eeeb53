"""A model's tokens and word pieces as a tokenizer.json: what Hugging Face's `tokenizers` then does is what nerctl does.

The corpus' own tokens are the words of the file's pre-tokenizer. A token that normalisation leaves nothing of, a blank or
a control character, is [UNK] here and nothing in BERT's own tokenizer, so a character that no vocabulary has stands for it.
Not followed: Hangul syllables and some forty signs of Indian scripts and of music, which decompose into several characters.
"""

from __future__ import annotations

from typing import Any

from nerctl.data.text_splitter import TextSplitter
from nerctl.data.tokenizer import LONGEST_WORD, Vocabulary

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
"""Special pieces by the names of tokenizer_config.json."""

STANDS_IN = "\u23c0\u23c1\u23c2\u23c4\u23c5"
"""Symbols of dentists' charts, one of which stands for what shows nothing."""

NOTHING = r"\p{C}\p{Mn}\ufffd"
"""What normalisation leaves nothing of, blanks apart, as a class of Oniguruma's."""

ALONE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\u30fc"
"""Letters that stand alone in every corpus."""


def fast_tokenizer(vocabulary: Vocabulary, lower_case: bool, splitter: TextSplitter) -> Any:
    """A `tokenizers.Tokenizer` that gives a text the ids that nerctl gives it, [CLS] and [SEP] around them."""
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer, Replace, Sequence
    from tokenizers.pre_tokenizers import Sequence as InOrder
    from tokenizers.pre_tokenizers import Split, WhitespaceSplit
    from tokenizers.processors import TemplateProcessing

    made = Tokenizer(WordPiece(vocabulary.ids, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD))
    stands_in = next(symbol for symbol in STANDS_IN if symbol not in vocabulary.ids)
    blanks = splitter.kind == "character" or splitter.blank_tokens
    made.normalizer = Sequence(
        [
            Replace(Regex(rf"[{NOTHING}\s]" if blanks else rf"[[{NOTHING}]&&[^\s]]"), stands_in),
            BertNormalizer(
                clean_text=True, handle_chinese_chars=False, strip_accents=lower_case, lowercase=lower_case
            ),
        ]
    )
    parts = [] if blanks else [WhitespaceSplit()]
    made.pre_tokenizer = InOrder([*parts, Split(Regex(_pattern(splitter)), "isolated")])
    ends = [(name, vocabulary.ids[name]) for name in ("[CLS]", "[SEP]")]
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    made.add_special_tokens([piece for piece in SPECIAL.values() if piece in vocabulary.ids])
    return made


def tokenizer_config(vocabulary: Vocabulary, lower_case: bool, longest: int) -> dict[str, Any]:
    """What stands in tokenizer_config.json beside it; `longest` is the encoder's number of positions."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "do_lower_case": lower_case,
        "model_max_length": longest,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        **{name: piece for name, piece in SPECIAL.items() if piece in vocabulary.ids},
    }


def _pattern(splitter: TextSplitter) -> str:
    """One token of the splitter's, as a regular expression of Oniguruma's."""
    if splitter.kind == "character":
        return r"[\s\S]"
    letter, digit = rf"[\p{{L}}&&[^{ALONE}]]", r"\p{Nd}"
    runs = []
    if splitter.joins_mixed:
        # Of two neighbours of one kind only those that are joined by themselves; of two kinds all.
        one = rf"{letter}+" if splitter.joins_letters else letter
        other = rf"{digit}+" if splitter.joins_digits else digit
        runs.append(rf"(?:{one}{other})+(?:{one})?|{other}(?:{one}{other})+(?:{one})?|{other}{one}")
    runs += [rf"{letter}+"] * splitter.joins_letters + [rf"{digit}+"] * splitter.joins_digits
    return "|".join([*runs, r"[\s\S]"])
