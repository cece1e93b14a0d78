"""What a service's OpenAPI document says of answers that are none: which problems each route may answer."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from shared.events.parts import FieldError

JSON = "application/problem+json"


class Problem(BaseModel):
    """RFC 9457: what is wrong, and where it is a field's fault which one and why; never what was sent."""

    type: str
    status: int
    title: str
    errors: list[FieldError] = Field(default=[])


_MEANS = {
    "400": "The request is not readable",
    "401": "The key is missing, unknown or over",
    "403": "A key of this role may not do this",
    "404": "There is no such thing, or not for this caller",
    "408": "The body took too long to come",
    "409": "It cannot be done now, or another was sent under this name before",
    "413": "The body is too large",
    "422": "Something is wrong with what was sent; `errors` names each field",
    "429": "Too many requests; `Retry-After` says when to come again",
    "503": "Not now; nothing was kept, try again",
}


def describe_problems(app: FastAPI) -> None:
    """Let the document of `app` name every problem that each of its routes may answer."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas |= _schemas()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _add(operation)
            schemas.pop("HTTPValidationError", None)
            schemas.pop("ValidationError", None)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _add(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "422" in answers and JSON not in answers["422"].get("content", {}):
        del answers["422"]  # FastAPI's own, of another shape
    declared = {status for status in answers if status[0] in "45"}
    for status in sorted(_possible(operation) | declared):
        answer = answers.setdefault(status, {"description": _MEANS.get(status, "")})
        answer.setdefault("content", {})[JSON] = {"schema": {"$ref": "#/components/schemas/Problem"}}


def _possible(operation: dict[str, Any]) -> set[str]:
    """Which problems can come of a route, by what it takes."""
    takes = {parameter["in"] for parameter in operation.get("parameters", ())}
    found = {"429", "503"}
    if "security" in operation:
        found |= {"401", "403"}
    if "path" in takes:
        found |= {"404"}
    if takes or "requestBody" in operation:
        found |= {"422"}
    if "requestBody" in operation:
        found |= {"400", "408", "409", "413"}
    return found
