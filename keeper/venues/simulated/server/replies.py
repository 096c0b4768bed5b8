"""HTTP bodies and statuses the venue uses for requests it cannot read."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

WRONG_TYPE = "Expected request with `Content-Type: application/json`"
NOT_JSON = "Failed to parse the request body as JSON"
WRONG_SHAPE = "Failed to deserialize the JSON body into the target type"


@dataclass
class BadRequest(Exception):  # noqa: N818 - an HTTP answer travelling up
    """A plain-text answer."""

    status: int
    text: str


async def read_json(request: web.Request) -> Any:
    """The body's first JSON value (the venue, too, ignores what follows it); BadRequest when there is none."""
    if request.content_type != "application/json":
        raise BadRequest(415, WRONG_TYPE)
    try:
        text = (await request.read()).decode()
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except ValueError as error:
        raise BadRequest(400, NOT_JSON) from error


def reply(payload: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(payload), content_type="application/json")


def too_many() -> web.Response:
    """The caller's address has used up its minute."""
    return web.Response(status=429, text="null", content_type="application/json")


def failure(bad: BadRequest) -> web.Response:
    if bad.status == 500:
        return web.Response(status=500, text="null", content_type="application/json")
    return web.Response(status=bad.status, text=bad.text)
