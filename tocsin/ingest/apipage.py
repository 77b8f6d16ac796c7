"""What the receiver says of itself to people: `/docs`, a page of ours without a script, so that nothing is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from tocsin.ingest.apidocs import operations
from tocsin.ingest.webpage import page

DOCS_PATH = "/docs"


def docs_page(openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """The page that shows the document."""

    async def docs() -> HTMLResponse:
        """The endpoints, for people."""
        return page("api.html.j2", api=openapi(), endpoints=list(_endpoints(openapi())))

    router = APIRouter(tags=["probes"])
    router.add_api_route(
        DOCS_PATH, docs, methods=["GET"], summary="This, for people", response_class=HTMLResponse
    )
    return router


@dataclass(frozen=True)
class _Endpoint:
    """An endpoint as the page shows it."""

    name: str
    summary: str
    description: str
    shown: str
    bodies: Mapping[str, Sequence[str]]
    answers: Mapping[str, str]


def _endpoints(document: Mapping[str, Any]) -> Iterator[_Endpoint]:
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        yield _Endpoint(
            name=f"{method.upper()} {path}",
            summary=operation["summary"],
            description=operation.get("description", ""),
            shown=" or ".join(_all_of(names, schemes) for names in operation.get("security", [])),
            bodies={type: list(each["schema"].get("properties", {})) for type, each in content.items()},
            answers={status: answer["description"] for status, answer in operation["responses"].items()},
        )


def _all_of(names: Mapping[str, Any], schemes: Mapping[str, Mapping[str, str]]) -> str:
    """What must be shown together; what is in the body has no name in the document."""
    written = (schemes[name].get("name") or f"Authorization: {schemes[name]['scheme']}" for name in names)
    return " and ".join(written) or "what the body holds"
