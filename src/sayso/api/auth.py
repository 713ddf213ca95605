"""The API key in a request's headers."""

from starlette.datastructures import Headers

from sayso.errors import AuthenticationFailed

NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
    "auth (i.e. Authorization: Bearer YOUR_KEY)."
)


def presented_key(headers: Headers) -> str:
    """Return the bearer token. Raises `AuthenticationFailed` where there is none."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise AuthenticationFailed(NO_KEY)
    return key
