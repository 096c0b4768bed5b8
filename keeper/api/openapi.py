"""The OpenAPI 3.1 document, made from the view types themselves."""

from typing import Any

import msgspec

from keeper.api import views
from keeper.execution.preview import RouteWish
from keeper.model.signed_orders import SignedOrder
from keeper.model.terms import SignedCancel

_TYPES = (
    views.StatusView,
    views.AccountView,
    views.OrderView,
    views.RouteView,
    views.TcaView,
    views.PageConfig,
    views.ProblemView,
    views.CancelView,
    views.ReconciliationView,
    views.Explanation,
    SignedOrder,
    SignedCancel,
    RouteWish,
)


def document() -> dict[str, Any]:
    """The document served at /v1/openapi.json."""
    references, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    schema: dict[str, Any] = {kind.__name__: reference for kind, reference in zip(_TYPES, references, strict=True)}

    def answer(kind: str, text: str, *, many: bool = False) -> dict[str, Any]:
        shape = {"type": "array", "items": schema[kind]} if many else schema[kind]
        return {"description": text, "content": {"application/json": {"schema": shape}}}

    problem = answer("ProblemView", "Refused; nothing was booked.")
    missing = answer("ProblemView", "There is no such thing.")
    identifier = {"in": "path", "required": True}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Perp Prime keeper", "version": "1"},
        "paths": {
            "/v1/status": {"get": {"responses": {"200": answer("StatusView", "The keeper, its vault and its seats.")}}},
            "/v1/accounts": {
                "get": {
                    "parameters": [{"name": "owner", "in": "query", "schema": {"type": "string"}}],
                    "responses": {"200": answer("AccountView", "Sub-accounts, of one owner if asked.", many=True)},
                }
            },
            "/v1/accounts/{id}": {
                "get": {
                    "parameters": [{"name": "id", **identifier, "schema": {"type": "integer"}}],
                    "responses": {"200": answer("AccountView", "One sub-account."), "404": missing},
                }
            },
            "/v1/orders": {
                "post": {
                    "parameters": [{"name": "wait", "in": "query", "schema": {"type": "number"}}],
                    "requestBody": {"content": {"application/json": {"schema": schema["SignedOrder"]}}},
                    "responses": {
                        "200": answer("OrderView", "Finished within the wait."),
                        "202": answer("OrderView", "Accepted and stored; ask for it by its digest."),
                        "400": problem,
                    },
                },
                "get": {
                    "parameters": [
                        {"name": "account", "in": "query", "required": True, "schema": {"type": "integer"}},
                        {"name": "open", "in": "query", "schema": {"type": "boolean"}},
                    ],
                    "responses": {
                        "200": answer("OrderView", "A sub-account's orders, or the open ones.", many=True),
                        "400": problem,
                    },
                },
            },
            "/v1/cancels": {
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": schema["SignedCancel"]}}},
                    "responses": {"202": answer("CancelView", "Stored; being taken back."), "400": problem},
                }
            },
            "/v1/orders/{digest}": {
                "get": {
                    "parameters": [{"name": "digest", **identifier, "schema": {"type": "string"}}],
                    "responses": {"200": answer("OrderView", "One order."), "404": missing},
                }
            },
            "/v1/orders/{digest}/decisions": {
                "get": {
                    "parameters": [{"name": "digest", **identifier, "schema": {"type": "string"}}],
                    "responses": {
                        "200": answer("RouteView", "What the router saw and decided for the order.", many=True),
                        "404": missing,
                    },
                }
            },
            "/v1/tca": {
                "get": {
                    "parameters": [{"name": "last", "in": "query", "schema": {"type": "integer"}}],
                    "responses": {"200": answer("TcaView", "Execution quality of the last orders."), "400": problem},
                }
            },
            "/v1/route": {
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": schema["RouteWish"]}}},
                    "responses": {"200": answer("RouteView", "The route now; nothing is sent."), "400": problem},
                }
            },
            "/v1/reconciliation": {
                "get": {"responses": {"200": answer("ReconciliationView", "Venues, books and chain, side by side.")}}
            },
            "/v1/reconciliation/explain": {
                "post": {
                    "requestBody": {"content": {"application/json": {"schema": schema["Explanation"]}}},
                    "responses": {"200": answer("ReconciliationView", "The case is closed."), "400": problem},
                }
            },
            "/config.json": {"get": {"responses": {"200": answer("PageConfig", "Addresses for a page.")}}},
        },
        "components": {"schemas": components},
    }
