"""The OpenAPI document of the server, `GET /openapi.json`: openapi.json beside this file, with the server's own limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nerctl
from nerctl.serving.settings import ServerSettings

_FILE = Path(__file__).with_name("openapi.json")
"""The document of a server that asks for a token; version and limits are put in."""


def document(settings: ServerSettings) -> dict[str, Any]:
    """OpenAPI 3.1 for a server with these settings: its limits and its token are part of it."""
    value: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    value["info"]["version"] = nerctl.__version__
    body = value["paths"]["/v1/entities"]["post"]["requestBody"]
    body["description"] = body["description"].format(max_body=settings.max_body)
    one, several = (request["properties"] for request in value["components"]["schemas"]["Request"]["oneOf"])
    several["texts"]["maxItems"] = settings.queue
    for text in (one["text"], several["texts"]["items"]):
        text["maxLength"] = settings.max_chars
    if not settings.tokens:
        del value["components"]["securitySchemes"]
        for operation in (operation for path in value["paths"].values() for operation in path.values()):
            if operation.pop("security", None):
                del operation["responses"]["401"]
    return value
