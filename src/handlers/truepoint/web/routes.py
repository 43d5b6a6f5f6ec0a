"""The table of routes with their roles. There is only one table, so that a test can try every route and role."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from truepoint.keys import JOB_NAME
from truepoint.web.requests import RefusedError, Request, Response


class Role(Enum):
    """The role that a route requires. Each role includes the ones before it."""

    NOBODY = "nobody"
    """Anyone, signed in or not."""
    WORKER = "worker"
    """A signed-in person. Routes of a job also check whether the person may work on it."""
    LEAD = "lead"


class Caller(Protocol):
    """The person who makes a request."""

    @property
    def id(self) -> str:
        """The pseudonym."""

    @property
    def lead(self) -> bool:
        """Whether the person is a lead."""


Parameters = dict[str, Any]


class Route(NamedTuple):
    """A route. `{job}`, `{line}` and `{worker}` in its path are parameters. `run` returns the response."""

    method: str
    path: str
    role: Role
    run: Callable[[Request, Any, Parameters], Response]


PERSON = "p[a-z2-7]{19}"
"""The pattern of people's pseudonyms."""

_PARAMETERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "job": (JOB_NAME.pattern, str.lower),
    "line": ("0|[1-9][0-9]{0,8}", int),
    "worker": (PERSON, str),
}


class Router:
    """The route table.

    Args:
        routes: all routes.
        origin: the portal's own origin, such as `https://d111.cloudfront.net`.
        identify: returns the caller of a request, None if nobody is signed in. It gets the parameters, so that one read
            of the table can also return the rows that the route needs.
    """

    def __init__(
        self, routes: Sequence[Route], origin: str, identify: Callable[[Request, Parameters], Caller | None]
    ) -> None:
        self.routes = tuple(routes)
        self._origin = origin
        self._identify = identify
        self._patterns = [(_pattern(route.path), route) for route in routes]

    def respond(self, request: Request) -> Response:
        """Return the response of the request's route.

        The origin is checked first, then the session and the role, then everything else, so that callers learn nothing
        about resources that they may not use.

        Raises:
            RefusedError: the request is refused.
        """
        request.check_origin(self._origin)
        matches = [(match, route) for pattern, route in self._patterns if (match := pattern.fullmatch(request.path))]
        if not matches:
            raise RefusedError(404, "not-found", "This address does not exist.")
        match, route = next(((m, r) for m, r in matches if r.method == request.method), (None, None))
        if match is None or route is None:
            raise RefusedError(405, "wrong-method", "This address does not accept this method.")
        parameters = {name: _PARAMETERS[name][1](value) for name, value in match.groupdict().items()}
        caller = None
        if route.role is not Role.NOBODY:
            caller = self._identify(request, parameters)
            if caller is None:
                raise RefusedError(401, "signed-out", "Please sign in.")
            if route.role is Role.LEAD and not caller.lead:
                raise RefusedError(403, "forbidden", "Only leads may do this.")
        return route.run(request, caller, parameters)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    pieces = [re.escape(part) if n % 2 == 0 else f"(?P<{part}>{_PARAMETERS[part][0]})" for n, part in enumerate(parts)]
    return re.compile("".join(pieces))
