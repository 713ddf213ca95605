"""Tells people and programs that a month's charges have reached an alert: by mail and by a web hook."""

import asyncio
import contextlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiohttp

from sayso.errors import ConfigurationError

TIMEOUT_SECONDS = 10.0
_PORTS = {"smtp": 25, "smtps": 465}
_HERE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class SpendNotice:
    """What is told. Amounts are decimals in dollars; `id` is the same each time that it is told again."""

    id: str
    alert_id: str
    month: str
    threshold: str
    spent: str
    organization_id: str
    organization: str
    project_id: str | None
    project: str | None
    recipients: tuple[str, ...]
    subject_prefix: str | None

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON; who else is told is left out."""
        project = {"id": self.project_id, "name": self.project} if self.project_id else None
        return {
            "object": "spend_alert.reached",
            "id": self.id,
            "alert_id": self.alert_id,
            "month": self.month,
            "currency": "USD",
            "threshold": self.threshold,
            "spent": self.spent,
            "organization": {"id": self.organization_id, "name": self.organization},
            "project": project,
        }


class Teller(Protocol):
    """A way to tell somebody."""

    async def tell(self, notice: SpendNotice) -> str | None:
        """Tell it; return None, or why that failed, without secrets and names."""
        ...


@dataclass(frozen=True, slots=True)
class WebHook:
    """Posts JSON to an address, which may hold a secret. Answers of 200 to 299 are successes."""

    url: str = field(repr=False)

    async def tell(self, notice: SpendNotice) -> str | None:
        """Post it; a redirect is not followed."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        headers = {"idempotency-key": notice.id}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    self.url, json=notice.as_dict(), headers=headers, allow_redirects=False
                ) as answer,
            ):
                return None if 200 <= answer.status < 300 else f"the web hook answered {answer.status}"
        except TimeoutError:
            return "the web hook did not answer in time"
        except (aiohttp.ClientError, OSError) as error:
            return f"the web hook can not be reached: {type(error).__name__}"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Sends mail over SMTP; a password is shown only over TLS, or to this machine."""

    host: str
    port: int
    sender: str
    secure: bool
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    async def tell(self, notice: SpendNotice) -> str | None:
        """Send it to every recipient."""
        try:
            return await asyncio.to_thread(self._send, _mail(notice, self.sender))
        except smtplib.SMTPResponseException as error:
            return f"the mail server answered {error.smtp_code}"
        except smtplib.SMTPRecipientsRefused:
            return "the mail server refused every recipient"
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return f"the mail can not be sent: {type(error).__name__}"

    def _send(self, mail: EmailMessage) -> str | None:
        tls = ssl.create_default_context()
        with contextlib.ExitStack() as stack:
            if self.secure:
                server: smtplib.SMTP = stack.enter_context(
                    smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=tls)
                )
            else:
                server = stack.enter_context(smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS))
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=tls)
                elif self.password is not None and self.host not in _HERE:
                    return "the mail server offers no TLS for the password"
            if self.user is not None and self.password is not None:
                server.login(self.user, self.password)
            server.send_message(mail)
        return None


def mail_server(url: str, sender: str) -> MailServer:
    """Return the server at `smtp://[user:password@]host[:port]`, or `smtps://` for TLS from the beginning.

    Raises `ConfigurationError`, without what the URL holds.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or parts.path not in ("", "/"):
        raise ConfigurationError("setting 'smtp_url': expected smtp://user:password@host:port or smtps://…")
    if not sender:
        raise ConfigurationError("setting 'smtp_url' needs 'mail_from', the address that mail comes from")
    user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
    return MailServer(
        parts.hostname, port or _PORTS[parts.scheme], sender, parts.scheme == "smtps", user, password
    )


def web_hook(url: str) -> WebHook:
    """Return the web hook at `url`. Raises `ConfigurationError`, without what the URL holds."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError("setting 'alert_webhook_url': expected https://… or http://…")
    return WebHook(url)


def _mail(notice: SpendNotice, sender: str) -> EmailMessage:
    whose = f"project {notice.project}" if notice.project_id else f"organization {notice.organization}"
    subject = f"{whose} has spent ${notice.spent} in {notice.month}"
    lines = (
        f"The charges of {whose} in {notice.month} have reached ${notice.threshold}.",
        "",
        f"Spent so far:  ${notice.spent}",
        f"Organization:  {notice.organization} ({notice.organization_id})",
        *([f"Project:       {notice.project} ({notice.project_id})"] if notice.project_id else []),
        f"Alert:         {notice.alert_id}",
    )
    mail = EmailMessage()
    mail["Subject"] = _one_line(f"{notice.subject_prefix or ''} {subject}")
    mail["From"] = sender
    mail["To"] = ", ".join(notice.recipients)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(map(_one_line, lines)) + "\n")
    return mail


def _one_line(text: str) -> str:
    """Leave no line break, with which a name could begin another header."""
    return " ".join(text.split())
