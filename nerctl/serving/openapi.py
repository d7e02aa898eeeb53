"""The OpenAPI document of the server, `GET /openapi.json`."""

from __future__ import annotations

from typing import Any

import nerctl
from nerctl.serving.settings import ServerSettings

Schema = dict[str, Any]


def document(settings: ServerSettings) -> Schema:
    """OpenAPI 3.1 for a server with these settings: its limits and its token are part of it."""
    value: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "nerctl",
            "version": nerctl.__version__,
            "summary": "Chinese named-entity recognition",
            "description": "JSON is UTF-8; of its characters only a lone surrogate is escaped, all with ?ascii=1.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/entities": {"post": _entities(settings)},
            "/v1/model": {
                "get": _operation(
                    "What the model is: labels, engine, versions.", {"200": "Model", "503": "Error"}
                )
            },
            "/healthz": {"get": _operation("The server is alive.", {"200": "Health"})},
            "/readyz": {
                "get": _operation(
                    "At least one worker has loaded the model.", {"200": "Ready", "503": "Error"}
                )
            },
            "/metrics": {
                "get": {
                    "summary": "Counts in Prometheus' text format.",
                    "responses": {
                        "200": {
                            "description": "Counts.",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        }
                    },
                }
            },
            "/openapi.json": {"get": _operation("This document.", {"200": "Document"})},
            "/": {
                "get": {
                    "summary": "A page on which one tries the model.",
                    "responses": {
                        "200": {
                            "description": "The page.",
                            "content": {"text/html": {"schema": {"type": "string"}}},
                        }
                    },
                }
            },
        },
        "components": {"schemas": _schemas(settings), "parameters": {"ascii": ASCII}},
    }
    if settings.tokens:
        value["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, methods in value["paths"].items():
            for operation in methods.values():
                if path.startswith("/v1/"):
                    operation["security"] = [{"token": []}]
                    operation["responses"]["401"] = _response("Error", "No token, or none of the server's.")
    return value


ASCII = {
    "name": "ascii",
    "in": "query",
    "description": "1: JSON in ASCII, every other character as its \\uXXXX escape.",
    "schema": {"type": "integer", "enum": [0, 1], "default": 0},
}
"""The parameter of every answer in JSON."""
MEANINGS = {
    "200": "The answer.",
    "408": "The body did not arrive in time.",
    "413": "The body, a text or the list is too large.",
    "415": "The body has a Content-Encoding.",
    "422": "The body is not what was asked for; error.field names the field.",
    "429": "The queue is full; Retry-After says in how many seconds to try again.",
    "500": "The model failed on a text; error.field names it.",
    "503": "No worker can answer yet; Retry-After says in how many seconds to try again.",
}


def _entities(settings: ServerSettings) -> Schema:
    operation = _operation(
        "The entities of one text, or of several.",
        {"200": "Entities", **dict.fromkeys(("408", "413", "415", "422", "429", "500", "503"), "Error")},
    )
    operation["requestBody"] = {
        "required": True,
        "description": f"At most {settings.max_body} bytes of UTF-8.",
        "content": {"application/json": {"schema": _ref("Request")}},
    }
    return operation


def _operation(summary: str, answers: dict[str, str]) -> Schema:
    return {
        "summary": summary,
        "parameters": [{"$ref": "#/components/parameters/ascii"}],
        "responses": {status: _response(schema, MEANINGS[status]) for status, schema in answers.items()},
    }


def _response(schema: str, description: str) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _object(required: Schema, **optional: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def _schemas(settings: ServerSettings) -> Schema:
    string, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    text = {"type": "string", "maxLength": settings.max_chars}
    closed = {"additionalProperties": False}
    return {
        "Request": {
            "oneOf": [
                {**_object({"text": text}), **closed},
                {
                    **_object({"texts": {"type": "array", "items": text, "maxItems": settings.queue}}),
                    **closed,
                },
            ]
        },
        "Entities": {
            "oneOf": [_ref("Result"), _object({"results": {"type": "array", "items": _ref("Result")}})]
        },
        "Result": _object({"text": string, "entities": {"type": "array", "items": _ref("Entity")}}),
        "Entity": _object(
            {
                "start": {**count, "description": "First code point of the entity in the text."},
                "end": {**count, "description": "One after its last code point."},
                "type": string,
                "text": string,
                "score": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "The CRF's probability of exactly this entity.",
                },
            }
        ),
        "Model": _object(
            {
                "model": string,
                "digest": string,
                "engine": string,
                "labels": {"type": "array", "items": string},
                "versions": {"type": "object", "additionalProperties": string},
                "max_chars": count,
            }
        ),
        "Health": _object({"status": {"const": "ok"}}),
        "Ready": _object({"status": {"const": "ready"}, "workers": count}),
        "Document": _object({"openapi": string}),
        "Error": _object(
            {"error": _object({"status": {"type": "integer"}, "message": string}, field=string)}
        ),
    }
