"""What the run record says of a run: its options, corpus, encoder, device and versions, and the files that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerctl.data.corpus import Corpus
from nerctl.encoders.origin import read_origin
from nerctl.files import sha256_of_corpus
from nerctl.folder import POINTER, SHARED
from nerctl.run_record import LOG_FILES, STEPS, RunRecord
from nerctl.training.record import versions

if TYPE_CHECKING:
    from nerctl.training.session import Session


def run_facts(session: Session, encoder: Path) -> dict[str, Any]:
    """What the record of a new run says."""
    return {
        "config": session.saved_config(),
        "encoder": encoder_facts(encoder, session),
        **changing_facts(session),
        "schedule": {
            "total_steps": session.total_steps,
            "steps_per_epoch": session.batches.steps_per_epoch,
            "warmup": session.config.warmup,
        },
        "step": 0,
        "evaluations": [],
        "best": None,
        "test": None,
        "warmup": None,
    }


def changing_facts(session: Session) -> dict[str, Any]:
    """What may be another thing in each part of a run."""
    return {
        "device": {**session.backend.describe(), "max_tokens": session.shapes.max_tokens},
        "versions": versions(),
        "corpus": session.data.facts,
        "problems": session.notes,
    }


def corpus_facts(path: Path, corpus: Corpus) -> dict[str, Any]:
    """What the run record says of one split."""
    return {
        "path": str(path),
        "sha256": sha256_of_corpus(path),
        "sentences": len(corpus),
        "tokens": len(corpus.token_ids),
        "entities": corpus.entity_counts(),
    }


def encoder_facts(folder: Path, session: Session) -> dict[str, Any]:
    """What the run record says of the encoder."""
    facts: dict[str, Any] = {
        "path": str(folder),
        "from_scratch": session.config.from_scratch,
        "hidden_size": session.bert.hidden_size,
        "layers": session.bert.num_hidden_layers,
        "vocab_size": session.bert.vocab_size,
        "sha256": None,
    }
    if not session.config.from_scratch:
        facts["sha256"] = session.encoder.digest()
        origin = read_origin(folder)
        facts.update({name: origin[name] for name in ("repository", "commit") if origin})
    if session.config.init is not None:
        facts["run_id"] = RunRecord.load(folder).content.get("run_id")
    return facts


def own_files(session: Session) -> list[str]:
    """What a run writes beside its checkpoints and reports, there already or not."""
    return [*SHARED, POINTER, STEPS, LOG_FILES[session.backend.log_name]]
