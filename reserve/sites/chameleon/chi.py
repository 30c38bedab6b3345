"""python-chi 1.2.10, and nothing else of this package imports it: context, session, site, lease and server.

Its rough edges are covered here: requests without a timeout, a site list that fails silently, words on stdout,
settings kept from an earlier import, and errors that hide the answer they came from.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reserve.clock import Clock
from reserve.errors import CredentialsError, Missing, SiteError, SiteUnreachable
from reserve.hardware import Hardware
from reserve.redact import redact, remember_secret
from reserve.site import LeaseSpec
from reserve.sites.chameleon.credentials import CLI_PASSWORD, SignIn
from reserve.sites.chameleon.rest import TIMEOUT_S, Rest, failure

_active = ""


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    """Collect what python-chi prints."""
    words = io.StringIO()
    with contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
        yield words


def _chi() -> Any:
    """The chi package, its own `requests` calls given a timeout, its addresses read from the environment now."""
    # Sign-in plugins whose own dependencies are absent are reported as errors at every import.
    logging.getLogger("stevedore").setLevel(logging.CRITICAL)
    try:
        import chi
        from chi import context
    except ImportError as error:
        from snippets.errors import ToolMissing

        raise ToolMissing(f"python-chi cannot be imported ({error}). Run: pip install 'servelab[chameleon]'") from None
    # The JupyterHub brings the python-chi that it likes: what a newer one has renamed is left as it is.
    if not isinstance(getattr(context, "requests", types.SimpleNamespace()), types.SimpleNamespace):
        import requests

        def get(url: str, **kwargs: Any) -> Any:
            return requests.get(url, timeout=TIMEOUT_S, **kwargs)

        context.requests = types.SimpleNamespace(get=get, exceptions=requests.exceptions)
        # Each `chi.set` imports every sign-in plugin there is again; the list never changes.
        if hasattr(context, "_auth_plugins"):
            context._auth_plugins = functools.cache(context._auth_plugins)
    if address() != getattr(context, "RESOURCE_API_URL", address()):
        context.RESOURCE_API_URL, context._sites = address(), {}
    return chi


def address() -> str:
    """Where the list of Chameleon's sites is."""
    return os.environ.get("CHI_RESOURCE_API_URL", "https://api.chameleoncloud.org")


def connect(site: str, signin: SignIn, clock: Clock) -> Rest:
    """Point python-chi at `site` and sign in. Raises CredentialsError or SiteUnreachable; makes nothing."""
    chi = _chi()
    _point_at(site, signin)
    with _quiet():
        rest = Rest(chi.session(), clock)
        try:
            rest.guarded("identity", f"signing in to {site} with {signin.source}", lambda: _token(rest.session))
        except CredentialsError as error:
            if signin.auth_type == "v3oidcpassword" and "did not accept" in str(error):
                raise CredentialsError(
                    f"the password in {signin.source} was not accepted while signing in to {site}. {CLI_PASSWORD} Set "
                    "one there (or again), then give it: `source openrc.sh` asks for it, clouds.yaml has it below "
                    "`auth:`. If it is right, check the project and that it is active on https://chameleoncloud.org."
                ) from None
            raise
    return rest


def _token(session: Any) -> str:
    token = session.get_token()
    remember_secret(token)
    return str(token)


def _point_at(site: str, signin: SignIn) -> None:
    """Set python-chi's context: the site's address and region, the sign-in's options, a timeout."""
    global _active
    chi = _chi()
    with _quiet() as words:
        try:
            chi.reset()
            chi.set("timeout", TIMEOUT_S)
            if signin.options:
                chi.set("auth_type", signin.auth_type)
                for name in ("project_name", "project_id", "project_domain_id"):
                    _set(chi, name, None)
                for name, value in signin.options.items():
                    _set(chi, name, value)
            chi.use_site(site)
            known = chi.get("region_name") == site and chi.get("auth_url")
            if not known and not (signin.region == site and signin.options.get("auth_url")):
                # python-chi could not fetch the list of sites and went on without a word.
                raise SiteUnreachable(f"the list of Chameleon's sites cannot be fetched from {address()}")
            if signin.region == site and signin.options.get("auth_url"):
                _set(chi, "auth_url", signin.options["auth_url"])
            chi.set("region_name", site)
            if signin.options.get("project_domain_name"):
                _set(chi, "project_domain_name", signin.options["project_domain_name"])
            if signin.is_application_credential:
                _set(chi, "project_domain_name", None)
        except SiteUnreachable as error:
            raise SiteUnreachable(
                f"{error}. Check this machine's network, or set OS_AUTH_URL and OS_REGION_NAME={site} for this site."
            ) from None
        except (SiteError, CredentialsError):
            raise
        except Exception as error:
            said = " ".join(words.getvalue().split())
            raise SiteError(
                redact(
                    f"python-chi cannot use the site {site}: {error} {said}".strip()
                    + ". Check the site's name in reserve/hardware.toml, and the OS_* variables."
                )
            ) from None
    _active = site


def _set(chi: Any, name: str, value: str | None) -> None:
    """`chi.set`, for options that not every sign-in has."""
    with contextlib.suppress(Exception):
        chi.set(name, value)


def activate(site: str, signin: SignIn) -> None:
    """Make python-chi's one global context point at `site` again, where another site was used in between."""
    if _active != site:
        _point_at(site, signin)


def token_facts(rest: Rest) -> dict[str, Any]:
    """The token's body without its catalog: user, project, application_credential."""

    def access() -> Any:
        session = rest.session.session
        return session.auth.get_access(session)

    data = rest.guarded("identity", "reading the sign-in", access)._data
    return {key: value for key, value in data.get("token", {}).items() if key != "catalog"}


def reservations(spec: LeaseSpec) -> list[dict[str, Any]]:
    """What python-chi's own Lease would ask Blazar for: one node or device of the type, or the named one; one instance
    of the flavor, whichever slot `spec.node` names. Raises Missing for a flavor that the site does not have."""
    _chi()
    with _quiet():
        from chi.lease import Lease

        lease = Lease(spec.name, start_date=spec.start, end_date=spec.end)
        hardware = spec.hardware
        if hardware.kind == "vm":
            try:
                lease.add_flavor_reservation(name=hardware.flavor)
            except Exception as error:
                raise _explained(error, hardware.site, hardware) from None
            return list(lease.flavor_reservations)
        if hardware.kind == "node":
            named = {"node_name": spec.node} if spec.node else {"node_type": hardware.node_type}
            lease.add_node_reservation(amount=1, **named)
            return list(lease.node_reservations)
        named = {"device_name": spec.node} if spec.node else {"machine_type": hardware.machine_name}
        lease.add_device_reservation(amount=1, **named)
        return list(lease.device_reservations)


@dataclass(frozen=True)
class ServerWish:
    """A server to ask for: its name, the reservation, the name of the key pair, the disk it boots from ('': none)."""

    name: str
    reservation: str
    key_name: str
    volume: str = ""


def image_id(site: str, signin: SignIn, hardware: Hardware) -> str:
    """The id of the hardware's image. Raises Missing if the site has none of that name."""
    activate(site, signin)
    with _quiet():
        from chi import image

        try:
            return str(image.get_image(hardware.image).uuid)
        except Exception as error:
            raise _explained(error, site, hardware) from None


def submit_server(site: str, signin: SignIn, wish: ServerWish, hardware: Hardware) -> None:
    """Ask Nova for the server through python-chi's Server, without its wait and its widget.

    A virtual machine is asked for by the private flavor that Blazar made for its reservation, bare metal by a hint.
    """
    activate(site, signin)
    virtual = hardware.kind == "vm"
    more: dict[str, Any] = {}
    if wish.volume:
        disk = {"boot_index": 0, "uuid": wish.volume, "source_type": "volume", "destination_type": "volume"}
        more = {"imageRef": "", "block_device_mapping_v2": [{**disk, "delete_on_termination": True}]}
    with _quiet():
        from chi import (
            image,  # noqa: F401 - chi.server uses it without importing it
        )
        from chi import server as chi_server

        keypair = types.SimpleNamespace(name=wish.key_name)
        try:
            asked = chi_server.Server(
                wish.name,
                reservation_id=None if virtual else wish.reservation,
                image_name=hardware.image,
                flavor_name=f"reservation:{wish.reservation}" if virtual else hardware.flavor,
                keypair=keypair,
                network_name=hardware.network,
            )
            # Its connection forgets the region, and would ask the first one that the catalog names.
            asked.conn.config.config["region_name"] = site
            asked.submit(wait_for_active=False, show=None, **more)
        except Exception as error:
            if virtual and f"reservation:{wish.reservation}" in str(error):
                raise Missing(
                    f"{site} does not list the flavor of the lease of {wish.name} (reservation:{wish.reservation}), "
                    "which Blazar makes when it starts. Repeat the command in a minute; if it stays so, release the "
                    f"lease with `servelab down {hardware.part}` and tell the help desk."
                ) from None
            raise _explained(error, site, hardware) from None


def _explained(error: BaseException, site: str, hardware: Hardware) -> Exception:
    """python-chi's error for a server that was not made, with the answer it hides."""
    root: BaseException = error
    while root.args and isinstance(root.args[0], BaseException):
        root = root.args[0]
    text = str(root)
    for what, name in (("image", hardware.image), ("flavor", hardware.flavor), ("network", hardware.network)):
        if name in text and type(root).__name__ in (
            "CHIValueError",
            "ResourceError",
            "RuntimeError",
            "NotFound",
        ):
            return Missing(
                f"{site} has no {what} named {name} ({text.strip()}). See the names on the site's dashboard and set "
                f"`{what}` of [{hardware.key}] in reserve/hardware.toml."
            )
    if "volume-backed" in text:
        return SiteError(
            f"{site} refuses {hardware.flavor} without a boot volume, since it has no disk of its own: set "
            f"`boot_volume_gb` of [{hardware.key}] in reserve/hardware.toml and repeat the command."
        )
    status = getattr(root, "status_code", None) or getattr(root, "http_status", None) or getattr(root, "code", None)
    if isinstance(status, int) and status >= 400:
        body = getattr(getattr(root, "response", None), "text", "") or getattr(root, "details", "") or text
        service = "image" if "/images" in text else "network" if "/networks" in text else "compute"
        return failure(status, service, "asking for the server", str(body))
    return SiteUnreachable(
        redact(
            f"{site} gave no usable answer while asking for the server ({type(root).__name__}: {text[:200]}). "
            "Repeat the command: it finds a server that was made all the same."
        )
    )
