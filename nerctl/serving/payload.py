"""From the bytes of a request to its texts, or to the one sentence that says what is wrong with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Optional

from nerctl.data.json_text import json_bytes


@dataclass(frozen=True)
class Payload:
    """A well-formed request."""

    texts: list[str]
    """The texts, in order."""
    single: bool
    """Whether the client sent `text` and gets one object, rather than `texts` and a list."""


class Refusal(Exception):
    """An answer that is not the one asked for: a status, a sentence, and the wrong field, if one is."""

    def __init__(
        self, status: int, message: str, field: Optional[str] = None, retry_after: Optional[int] = None
    ):
        super().__init__(message)
        self.status = status
        """HTTP status code."""
        self.message = message
        """One sentence."""
        self.field = field
        """Field of the request, such as `texts[3]`."""
        self.retry_after = retry_after
        """Seconds after which the client may try again."""


def error_json(status: int, message: str, field: Optional[str] = None) -> bytes:
    """The body of a refusal."""
    error: dict[str, Any] = {"status": status, "message": message}
    if field is not None:
        error["field"] = field
    return json_bytes({"error": error})


def parse(body: bytes, max_chars: int, max_texts: int) -> Payload:
    """The texts of a request to `POST /v1/entities`. Raises Refusal with 422, or 413 for what is too long."""
    value = _parse_json(body)
    if not isinstance(value, dict):
        raise Refusal(422, f"The body must be a JSON object with text or texts, not {_kind(value)}.", "")
    for name in value:
        if name not in ("text", "texts"):
            raise Refusal(422, "The body may hold text or texts, nothing else.", shown(name))
    if len(value) != 1:
        raise Refusal(422, "The body must hold either text or texts.", "texts" if value else "text")
    if "text" in value:
        return Payload([_text(value["text"], "text", max_chars)], single=True)
    texts = value["texts"]
    if not isinstance(texts, list):
        raise Refusal(422, f"texts must be a list of strings, not {_kind(texts)}.", "texts")
    if len(texts) > max_texts:
        raise Refusal(413, f"texts holds {len(texts)} texts; a request may hold {max_texts}.", "texts")
    return Payload([_text(text, f"texts[{i}]", max_chars) for i, text in enumerate(texts)], single=False)


def _parse_json(body: bytes) -> Any:
    try:
        # No number is ever asked for, and int() of a million digits would hold up every other client.
        return json.loads(body.decode("utf-8-sig"), parse_int=float, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise Refusal(422, f"The body is not UTF-8: byte {error.start} cannot be read.", "") from error
    except json.JSONDecodeError as error:
        raise Refusal(
            422, f"The body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.", ""
        ) from error
    except RecursionError as error:
        raise Refusal(422, "The body is nested too deeply.", "") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Of a name that is given twice Python would take the last, another reader the first."""
    value: dict[str, Any] = {}
    for name, content in pairs:
        if name in value:
            raise Refusal(422, f"{shown(name)} is given twice.", shown(name))
        value[name] = content
    return value


def _text(value: Any, field: str, max_chars: int) -> str:
    if not isinstance(value, str):
        raise Refusal(422, f"{field} must be a string, not {_kind(value)}.", field)
    if len(value) > max_chars:
        raise Refusal(413, f"{field} has {len(value)} characters; a text may have {max_chars}.", field)
    return value


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", float: "a number"}
    return kinds.get(type(value), "null")


def shown(name: str) -> str:
    """A name that a client gave, no longer than one reads."""
    return name if len(name) <= 64 else name[:63] + "…"
