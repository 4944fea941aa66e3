"""Who may use the page: to act, and from elsewhere, only with a token or through a proxy."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from bearing_stream.commands.page.settings import PageSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE: Final = "bearing-stream-page"

OPEN: Final = ("/livez", "/readyz")
"""Paths that anyone may read: an orchestrator has no token."""

ACT: Final = "/api/alarms/act"
"""The only path that takes a POST."""

JSON: Final = "application/json"

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Of every response: the page runs its own scripts and nothing else, and nobody frames it."""


class Guard:
    """ASGI middleware that refuses requests which may not read the page, or not act on it."""

    def __init__(self, app: App, settings: PageSettings) -> None:
        """Wrap an application; `settings` have the token and the header of the proxy."""
        self._app = app
        self._token = settings.token
        self._header = settings.trusted_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond to it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await (self._refusal(scope) or self._app)(scope, receive, _with_headers(send))
        # A web socket is closed by the server when nobody accepts it.

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        acts = scope["method"] == "POST" and scope["path"] == ACT
        if scope["method"] not in ("GET", "HEAD") and not acts:
            return _plain(405, "This only reads: use GET", {"Allow": "GET, HEAD"})
        if scope["path"] in OPEN:
            return None
        if acts and (refused := self._refusal_to_act(headers)):
            return refused
        if not self._token and not self._header:
            if is_local(headers.get("host", "")):
                return None
            return _plain(
                421, "Open the page as 127.0.0.1 or localhost, or start it with --trusted-header"
            )
        if self._header and headers.get(self._header, "").strip():
            return None
        return self._refusal_without_token(scope, headers)

    def _refusal_to_act(self, headers: Mapping[str, str]) -> Response | None:
        """Refuse what no login permits; whether there is one is checked afterwards."""
        if not self._token and not self._header:
            return _plain(
                403,
                "Nobody may act on alarms here: start the page with --token, or with "
                "--trusted-header behind a proxy; or use `bearing-stream alarms`",
            )
        if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            return _plain(415, f"Expected a body of the type {JSON}")
        # A page of another origin cannot send this header: the browser would ask before it does.
        if "authorization" not in headers and not is_same_origin(headers):
            return _plain(
                403,
                "Another page may not act on alarms: open this one; a program sends the token in "
                "the header Authorization: Bearer …",
            )
        return None

    def _refusal_without_token(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        if not self._token:
            return _plain(401, f"Expected the header {self._header}, which the proxy sets")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if _same(query.pop("token", ""), self._token):
            return self._logged_in(scope, headers, query)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(bearer.strip(), self._token):
            return None
        if _same(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""), proof(self._token)):
            return None
        return _plain(
            401,
            "Open the page once with its token, as /?token=…; a program sends it in the header "
            "Authorization: Bearer …",
            {"WWW-Authenticate": "Bearer"},
        )

    def _logged_in(
        self, scope: Scope, headers: Mapping[str, str], query: dict[str, str]
    ) -> Response:
        """Give the browser a cookie, and send it on without the token in its address."""
        assert self._token
        # A path that begins with two slashes would be another host.
        place = "/" + scope["path"].lstrip("/\\")
        response = RedirectResponse(f"{place}?{urlencode(query)}" if query else place, 303)
        response.set_cookie(
            COOKIE,
            proof(self._token),
            httponly=True,
            samesite="lax",
            secure="https" in (scope["scheme"], headers.get("x-forwarded-proto", "")),
        )
        return response


def proof(token: str) -> str:
    """Return what a browser keeps in place of the token, which it cannot be computed from."""
    return sha256(b"bearing-stream page " + token.encode()).hexdigest()


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser states that a page of this server sends the request.

    A proxy may change the header `Host`, so what the browser itself states is used where it does
    (`Sec-Fetch-Site`, over TLS and on this machine); else the request must name its origin, and
    that must be the host that it is sent to. A script can set neither.
    """
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    scheme, separator, host = headers.get("origin", "").partition("://")
    return scheme in ("http", "https") and bool(separator) and host == headers.get("host")


def is_local(host: str) -> bool:
    """Whether a request names this machine itself.

    A page of another host, whose name resolves to 127.0.0.1, would else read this one.

    Args:
        host: Header `Host`, with or without a port.
    """
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _same(given: str, expected: str) -> bool:
    return compare_digest(given.encode(), expected.encode())


def _plain(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(text + "\n", status, headers)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return send_with_headers
