"""Who shares the work that an engine caches: an organization with itself, and with nobody else."""

import base64
import hmac
import secrets
from dataclasses import dataclass, field

from sayso.core.caller import Caller

_LABEL = b"sayso: salt of prefix caches"  # no key begins like this


@dataclass(frozen=True, slots=True)
class CacheSalts:
    """Makes the salts; equal secrets make equal ones. The default is a secret that ends with the process."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @classmethod
    def under(cls, server_secret: bytes) -> "CacheSalts":
        """Derive the secret from one that servers of one database share."""
        return cls(hmac.digest(server_secret, _LABEL, "sha256"))

    def of(self, caller: Caller, *, keep: bool = True) -> str:
        """Return the salt of the caller's organization, 43 characters, known to nobody outside the server.

        Where nothing of a request may be kept, `keep` is false: it gets a salt that no other request has.
        """
        salt = hmac.digest(self.secret, caller.org_id.encode(), "sha256") if keep else secrets.token_bytes(32)
        return base64.urlsafe_b64encode(salt).rstrip(b"=").decode()
