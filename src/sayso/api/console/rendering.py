"""The console's HTML: a frame around what a page's module shows, and the page to sign in on."""

import secrets
from datetime import UTC, datetime
from typing import Final

from starlette.responses import HTMLResponse, Response

from sayso.api.console.assets import address, assets, has_libraries, modules, script
from sayso.api.console.first_data import first_data
from sayso.api.console.pages import GROUPS, ConsolePage
from sayso.api.console.words import LANGUAGES, words
from sayso.core.templates import Templates
from sayso.tenancy.console_sessions import SignedIn

_TEMPLATES = Templates(__package__)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Cache-Control": "no-store",
}


def show_page(page: ConsolePage, language: str, who: SignedIn, csrf: str) -> Response:
    """Return a page for somebody who is signed in."""
    nonce = secrets.token_urlsafe(16) if page.styled_by_script else ""
    html = _TEMPLATES.render(
        "page.html.j2",
        _shared(language),
        page=page,
        groups=GROUPS,
        who=who,
        csrf=csrf,
        nonce=nonce,
        styles=[name for name in page.styles if name in assets()],
        script=script(page.script),
        preloads=_preloads(page, language),
        data=first_data(page.name, datetime.now(UTC)),
    )
    return HTMLResponse(html, headers=_HEADERS | {"Content-Security-Policy": _policy(nonce)})


def show_sign_in(language: str, to: str, error: str = "", status: int = 200) -> Response:
    """Return the page to sign in on; `error` is a text's key, `to` the page that comes then."""
    html = _TEMPLATES.render("sign_in.html.j2", _shared(language), to=to, error=error)
    return HTMLResponse(html, status, _HEADERS | {"Content-Security-Policy": _policy("")})


def show_missing(language: str) -> Response:
    """Return what is shown where there is no page."""
    html = _TEMPLATES.render("missing.html.j2", _shared(language))
    return HTMLResponse(html, 404, _HEADERS | {"Content-Security-Policy": _policy("")})


def _shared(language: str) -> dict[str, object]:
    return {
        "t": words(language),
        "language": language,
        "languages": LANGUAGES,
        "asset": address,
        "has_libraries": has_libraries(),
    }


def _preloads(page: ConsolePage, language: str) -> tuple[str, ...]:
    """What a browser would otherwise find out module by module."""
    found = (*modules(script(page.script)), f"words/{language}.js")
    return tuple(dict.fromkeys(name for name in found if name in assets()))


def _policy(nonce: str) -> str:
    styles = f"style-src 'self' 'nonce-{nonce}'" if nonce else "style-src 'self'"
    return (
        f"default-src 'none'; script-src 'self'; {styles}; connect-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
