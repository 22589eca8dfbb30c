"""Login, second factor, session check and logout (reference 2)."""

from __future__ import annotations

from aiohttp import web

from simulators.filecloud import markup
from simulators.filecloud.exchange import Exchange, Operation
from simulators.filecloud.markup import Field
from simulators.filecloud.sessions import Login, parse_cookies

_API_LEVEL = "23"


def _answer(exchange: Exchange, login: Login) -> web.Response:
    if login.result == 0:
        return exchange.refused(login.message)
    response = exchange.refused(login.message, login.result)
    secure = exchange.request.secure
    for name, value in login.cookies.items():
        response.set_cookie(name, value, path="/", secure=secure, httponly=not name.startswith("X-XSRF"))
    return response


async def loginguest(exchange: Exchange) -> web.StreamResponse:
    """Log in with a name and a password."""
    world = exchange.world
    login = world.sessions.login(exchange.need("userid"), exchange.text("password"), world.knobs, world.clock.now())
    return _answer(exchange, login)


async def second_factor(exchange: Exchange) -> web.StreamResponse:
    """Finish a login with the code of the second factor."""
    world = exchange.world
    login = world.sessions.second_factor(
        exchange.need("userid"), exchange.text("code"), exchange.text("token"), world.knobs, world.clock.now()
    )
    return _answer(exchange, login)


async def resend_code(exchange: Exchange) -> web.StreamResponse:
    """Pretend to send the code again."""
    exchange.need("userid")
    exchange.need("token")
    return exchange.done("Code sent")


async def authentication_info(exchange: Exchange) -> web.StreamResponse:
    """Say whether the caller is logged in; never refused."""
    world = exchange.world
    cookies = parse_cookies(exchange.request.headers.get("Cookie", ""))
    session = world.sessions.find(cookies, world.knobs, world.clock.now())
    user = session.user if session else ""
    record: list[Field] = [
        ("profile", user),
        ("displayname", user),
        ("peerid", user),
        ("authenticated", "1" if session else "0"),
        ("OS", "Linux"),
        ("authtype", "0"),
    ]
    return exchange.records("infos", "info", [record])


async def system_status(exchange: Exchange) -> web.StreamResponse:
    """Describe the server."""
    user = exchange.session.user
    record: list[Field] = [
        ("apilevel", _API_LEVEL),
        ("peerid", user),
        ("displayname", user),
        ("userstatus", "1"),
        ("OS", "Linux"),
        ("currentprofile", user),
        ("httpport", str(exchange.request.url.port or 80)),
        ("relayactive", "0"),
        ("serverurl", str(exchange.request.url.origin())),
        ("authtype", "0"),
        ("passwordminlength", "8"),
        ("email", ""),
    ]
    return exchange.records("statuses", "status", [record])


async def log_out(exchange: Exchange) -> web.StreamResponse:
    """End the session."""
    exchange.world.sessions.drop(exchange.session)
    return exchange.done("Logged out")


async def login_page(exchange: Exchange) -> web.StreamResponse:
    """Show what a browser would be redirected to."""
    return markup.html("Please log in")


OPEN: dict[str, Operation] = {
    "loginguest": loginguest,
    "2falogin": second_factor,
    "resend2facode": resend_code,
    "getauthenticationinfo": authentication_info,
    "ui": login_page,
}
OPERATIONS: dict[str, Operation] = {
    "getsystemstatus": system_status,
    "locksession": log_out,
    "logoutprofile": log_out,
}
