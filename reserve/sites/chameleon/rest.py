"""REST calls through python-chi's own session: each with a timeout, bounded retries and errors in words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from reserve.clock import Clock
from reserve.errors import CredentialsError, Missing, Quota, RuleRefused, SiteError, SiteUnreachable
from reserve.sites.chameleon import rules

TIMEOUT_S = float(os.environ.get("SERVELAB_TIMEOUT_S", "60"))
"""Longest silence of a service before a request is given up (connecting, and between bytes)."""
TRIES = 4
RETRY_LIMIT_S = 60.0
AGAIN = {408, 429, 500, 502, 503, 504}
"""Answers after which a request that may be repeated (GET, PUT, DELETE) is repeated."""

NAMES = {
    "reservation": "Blazar (leases)",
    "compute": "Nova (servers)",
    "network": "Neutron (networks)",
    "image": "Glance (images)",
    "container": "Zun (containers)",
    "identity": "Keystone (sign-in)",
    "volumev3": "Cinder (volumes)",
}
VERSIONS = {
    "reservation": "/v1",
    "compute": "/v2.1",
    "network": "/v2.0",
    "image": "/v2",
    "container": "/v1",
    "volumev3": "/v3",
}
HEADERS = {
    "compute": {"OpenStack-API-Version": "compute 2.61", "X-OpenStack-Nova-API-Version": "2.61"},
    "container": {"OpenStack-API-Version": "container 1.41"},
}


class Gone(Missing):
    """404: the thing asked for is not there."""


def reason(text: str) -> str:
    """The sentence inside an OpenStack error body; the body's beginning where it has no such form."""
    try:
        body = json.loads(text)
    except ValueError:
        plain = re.sub(r"<[^>]+>", " ", text)
        return " ".join(plain.split())[:200] or "no text"
    if isinstance(body, dict):
        if "error_message" in body:
            return str(body["error_message"])
        for value in body.values():
            if isinstance(value, dict) and "message" in value:
                return str(value["message"])
        errors = body.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            return str(errors[0].get("detail") or errors[0].get("title") or errors[0])
    return text[:200]


def failure(status: int, service: str, doing: str, text: str) -> SiteError | CredentialsError:
    """The error for an answer of `status`, with a remedy."""
    who, why = NAMES.get(service, service), reason(text)
    if status == 401:
        return CredentialsError(
            f"{who} did not accept the sign-in while {doing}: {why}. Sign in again: fetch a new openrc or "
            "application credential from the site's dashboard (Identity), or restart your JupyterHub server."
        )
    if service == "reservation" and status in (400, 403) and rules.is_rule(why):
        return RuleRefused(f"{who} refuses while {doing}: {why.rstrip('.')}. {rules.remedy(why)}")
    if status == 403 and re.search(r"quota|limit|exceed", why, re.I):
        return Quota(
            f"the project's quota is used up ({who}, while {doing}): {why}. See what you hold with `servelab "
            "status --orphans`, release it with `servelab down`, or ask the project's owner to free some."
        )
    if status == 403:
        return CredentialsError(
            f"{who} forbids {doing} to this user: {why}. Check that you are a member of the course's project, "
            "that OS_PROJECT_NAME names it, and that the project is active on the Chameleon portal. An application "
            "credential needs the role `reader` beside `member`: make one with both."
        )
    if status == 404:
        return Gone(f"{who} knows nothing of it while {doing}: {why}. `servelab status` shows what is left.")
    if status in (409, 413) and re.search(r"quota|limit|exceed|no more ip", why, re.I):
        return Quota(
            f"the project has no more of it ({who}, while {doing}): {why}. Release what you do not need with "
            "`servelab down`, or ask the project's owner."
        )
    if status == 409:
        return SiteError(f"{who} is busy with the same thing while {doing}: {why}. Repeat the command in a minute.")
    if status == 429:
        return SiteUnreachable(f"{who} asks for fewer requests while {doing}: {why}. Repeat the command in a minute.")
    if status >= 500:
        return SiteUnreachable(
            f"{who} failed with HTTP {status} while {doing}: {why}. Repeat the command (it continues where it "
            "stopped); if it stays so, look at https://chameleoncloud.org for an outage or ask its help desk."
        )
    if status == 414:
        return SiteError(
            f"{who} takes no address as long as the one of {doing}: {why}. Report it as a fault of this kit."
        )
    return SiteError(f"{who} refused {doing} with HTTP {status}: {why}. Check the command's options.")


class Rest:
    """Calls to one site's services. `session` is what `chi.session()` returns: a keystoneauth adapter."""

    def __init__(self, session: Any, clock: Clock) -> None:
        self.session = session
        self._clock = clock
        self._bases: dict[str, str] = {}
        self.skew_s = 0.0
        """Seconds that the site's clock is ahead of this machine's, from the last answer's Date header."""

    def base(self, service: str) -> str:
        """The service's address from the token's catalog, ending in its version."""
        if service not in self._bases:
            url = self.guarded(service, "finding its address", lambda: self.session.get_endpoint(service_type=service))
            if not url and service == "identity":  # a sign-in without a project has no catalog
                url = getattr(getattr(getattr(self.session, "session", None), "auth", None), "auth_url", "")
            if not url:
                raise SiteError(
                    f"the site's catalog has no {NAMES.get(service, service)}. Check the "
                    "site's name (OS_REGION_NAME, --site) and that the project may use it."
                )
            url = str(url).rstrip("/")
            version = VERSIONS.get(service, "")
            if version and not re.search(r"/v\d+(\.\d+)?(/[^/]+)?$", url):
                url += version
            self._bases[service] = url
        return self._bases[service]

    def call(
        self, method: str, service: str, path: str, doing: str, *, body: Any = None, again: bool | None = None
    ) -> Any:
        """One request; returns the decoded JSON (None for an empty body). `path` may end in a `?query`.

        `doing` completes "while ..." in an error. Requests other than POST (`again` says otherwise) are repeated, up
        to four times with growing pauses, when the service is unreachable or busy; a POST only when it was told to
        wait (429). Raises Gone (404), CredentialsError, Quota, SiteUnreachable or SiteError.
        """
        repeatable = method != "POST" if again is None else again
        url = self.base(service) + path
        attempt = 0
        while True:
            attempt += 1
            pause = min(2.0 ** (attempt - 1), RETRY_LIMIT_S)
            error: SiteError | CredentialsError
            try:
                answer = self.guarded(service, doing, lambda: self._send(method, service, url, body))
                self._note_date(answer)
                if answer.status_code < 300:
                    return self._decode(answer, service, doing)
            except SiteUnreachable as unreachable:  # no answer, or one that cannot be read
                error, once_more = unreachable, repeatable
            else:
                error = failure(answer.status_code, service, doing, answer.text)
                once_more = answer.status_code == 429 or (repeatable and answer.status_code in AGAIN)
                pause = self._retry_after(answer) or pause
            if not once_more or attempt == TRIES:
                raise error
            self._clock.sleep(pause)

    def _send(self, method: str, service: str, url: str, body: Any) -> Any:
        headers = {"Accept": "application/json", **HEADERS.get(service, {})}
        return self.session.request(url, method, json=body, headers=headers, raise_exc=False)

    def guarded(self, service: str, doing: str, request: Callable[[], Any]) -> Any:
        """What `request()` returns (None where the catalog has no such service), keystoneauth's errors as ours.

        Raises CredentialsError, SiteUnreachable, or what `failure` makes of an answer.
        """
        from keystoneauth1 import exceptions as ks

        who = NAMES.get(service, service)
        try:
            return request()
        except ks.Unauthorized as error:
            raise failure(401, "identity", doing, str(error)) from None
        except (ks.MissingRequiredOptions, ks.MissingAuthPlugin, ks.AuthorizationFailure) as error:
            raise CredentialsError(
                f"the sign-in is incomplete: {error}. Source the openrc "
                "file from the site's dashboard, or set OS_CLOUD."
            ) from None
        except (ks.ConnectTimeout, TimeoutError):
            raise SiteUnreachable(
                f"{who} did not answer for {TIMEOUT_S:.0f} s while {doing}. Check this machine's network and repeat "
                "the command: it continues where it stopped."
            ) from None
        except (ks.ConnectFailure, ks.DiscoveryFailure, ks.UnknownConnectionError) as error:
            raise SiteUnreachable(
                f"{who} cannot be reached while {doing} ({type(error).__name__}). Check this machine's network and "
                "repeat the command: it continues where it stopped."
            ) from None
        except ks.EndpointNotFound:
            return None
        except ks.HttpError as error:
            raise failure(error.http_status or 500, "identity", doing, error.message or "") from None
        except ks.ClientException as error:
            raise SiteUnreachable(f"{who} gave no usable answer while {doing}: {error}. Repeat the command.") from None
        except ValueError as error:
            raise SiteUnreachable(
                f"{who} sent something that is not JSON while {doing} ({error}). Repeat the command."
            ) from None

    def _decode(self, answer: Any, service: str, doing: str) -> Any:
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise SiteUnreachable(
                f"{NAMES.get(service, service)} sent something that is not JSON while {doing}: "
                f"{reason(answer.text)!r}. Repeat the command; behind a hotel or campus sign-in page, sign in there "
                "first."
            ) from None

    def _retry_after(self, answer: Any) -> float:
        try:
            return min(max(float(answer.headers.get("Retry-After", "")), 0.0), RETRY_LIMIT_S)
        except ValueError:
            return 0.0

    def _note_date(self, answer: Any) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, TypeError, ValueError):
            return
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        skew = (theirs - self._clock.now()).total_seconds()
        self.skew_s = skew if abs(skew) > 2 else 0.0

    def site_now(self) -> datetime:
        """The site's time, as far as its answers told it."""
        return self._clock.now() + timedelta(seconds=self.skew_s)
