"""Who signs in to Chameleon, and with what: OS_* variables, clouds.yaml, or a signed-in JupyterHub.

Secrets stay inside `SignIn` (its repr hides them) and are registered for `redact`, through which everything
that this package prints or keeps passes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reserve.errors import CredentialsError
from reserve.redact import remember_secret

HOW = (
    "On the site's dashboard (for example https://chi.tacc.chameleoncloud.org), choose Identity > Application "
    "Credentials (or API Access > OpenStack RC), download the openrc.sh or clouds.yaml, then `source openrc.sh` or "
    "put clouds.yaml in ~/.config/openstack/ and set OS_CLOUD. In Chameleon's JupyterHub you are signed in already."
)
SECRET_OPTIONS = {"password", "application_credential_secret", "token", "access_token", "client_secret", "passcode"}


@dataclass(frozen=True)
class SignIn:
    """What python-chi's session is given. `options` are keystoneauth's option names (`username`, `auth_url`, ...)."""

    source: str
    auth_type: str
    options: Mapping[str, str] = field(repr=False)
    region: str = ""

    @property
    def is_application_credential(self) -> bool:
        """Whether this sign-in stands for a credential of one site, and not for a user and a project."""
        return self.auth_type == "v3applicationcredential"

    @property
    def project(self) -> str:
        """Name or id of the project that pays; empty where the sign-in does not say."""
        return self.options.get("project_name") or self.options.get("project_id") or ""

    @property
    def user(self) -> str:
        """Name or id of the user; empty where the sign-in does not say."""
        return self.options.get("username") or self.options.get("user_id") or ""


def _auth_type(options: Mapping[str, str], named: str, source: str) -> str:
    if options.get("application_credential_id") or options.get("application_credential_name"):
        found = "v3applicationcredential"
    elif named:
        found = {"password": "v3password", "token": "v3token"}.get(named, named)
    elif options.get("password"):
        found = "v3password"
    elif options.get("token"):
        found = "v3token"
    else:
        raise CredentialsError(f"{source} names neither a password, a token nor an application credential. {HOW}")
    if not found.startswith("v3"):
        raise CredentialsError(f"{source} asks for sign-in by {found!r}, which python-chi cannot do. {HOW}")
    return found


def _signin(source: str, options: dict[str, str], named: str, region: str) -> SignIn:
    auth_type = _auth_type(options, named, source)
    if auth_type == "v3applicationcredential":
        if not options.get("application_credential_secret"):
            raise CredentialsError(f"{source} has an application credential without its secret. {HOW}")
        # Keystone refuses a scope beside an application credential, which has its own.
        kept = (
            "auth_url",
            "application_credential_id",
            "application_credential_name",
            "application_credential_secret",
        )
        extra = ("username", "user_domain_name", "user_domain_id") if "application_credential_name" in options else ()
        options = {key: value for key, value in options.items() if key in kept + extra}
    elif auth_type == "v3password":
        missing = [name for name in ("username", "password") if not options.get(name)]
        if options.get("user_id") and "username" in missing:
            missing.remove("username")
        if missing:
            names = ", ".join(f"OS_{name.upper()}" for name in missing)
            raise CredentialsError(f"{source} lacks {names}. {HOW}")
    for name in SECRET_OPTIONS:
        remember_secret(options.get(name))
    return SignIn(source, auth_type, options, region)


def _from_environment(env: Mapping[str, str]) -> SignIn | None:
    names = [
        "auth_url",
        "username",
        "user_id",
        "password",
        "user_domain_name",
        "user_domain_id",
        "project_name",
        "project_id",
        "project_domain_name",
        "project_domain_id",
        "token",
        "application_credential_id",
        "application_credential_name",
        "application_credential_secret",
        "identity_provider",
        "protocol",
        "client_id",
        "client_secret",
        "discovery_endpoint",
        "access_token",
        "access_token_type",
        "access_token_endpoint",
        "openid_scope",
    ]
    options = {name: env[f"OS_{name.upper()}"] for name in names if env.get(f"OS_{name.upper()}")}
    named = env.get("OS_AUTH_TYPE") or env.get("OS_AUTH_METHOD") or ""
    signs = {"username", "user_id", "token", "application_credential_id", "application_credential_name"}
    if not (signs & set(options)) and not named:
        return None
    return _signin("the environment (OS_* variables)", options, named, env.get("OS_REGION_NAME", ""))


def _cloud_files(env: Mapping[str, str]) -> list[Path]:
    if env.get("OS_CLIENT_CONFIG_FILE"):
        return [Path(env["OS_CLIENT_CONFIG_FILE"])]
    home = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return [Path("clouds.yaml"), home / "openstack" / "clouds.yaml", Path("/etc/openstack/clouds.yaml")]


def _from_clouds(env: Mapping[str, str], site: str) -> SignIn | None:
    import yaml

    wanted = env.get("OS_CLOUD", "")
    for path in _cloud_files(env):
        if not path.is_file():
            continue
        try:
            clouds: dict[str, Any] = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("clouds") or {}
        except (yaml.YAMLError, OSError, AttributeError) as error:
            raise CredentialsError(
                f"{path} cannot be read as clouds.yaml: {str(error).splitlines()[0]}. {HOW}"
            ) from None
        at_site = [name for name, cloud in clouds.items() if site and cloud.get("region_name") == site]
        if wanted:
            if wanted not in clouds:
                known = ", ".join(clouds) or "none"
                raise CredentialsError(f"OS_CLOUD is {wanted!r}, but {path} has: {known}. Set OS_CLOUD to one of them.")
            # A course that works on several sites keeps one entry a site: the one of this site wins.
            name = wanted if clouds[wanted].get("region_name") in (None, site) or not at_site else at_site[0]
        elif len(clouds) == 1:
            name = next(iter(clouds))
        elif len(at_site) == 1:
            name = at_site[0]
        else:
            known = ", ".join(clouds) or "nothing"
            raise CredentialsError(f"{path} holds {known}. Say which to use: `export OS_CLOUD=NAME`.")
        cloud = clouds[name]
        options = {key: str(value) for key, value in (cloud.get("auth") or {}).items() if value is not None}
        return _signin(
            f"{path} ({name})", options, str(cloud.get("auth_type", "")), str(cloud.get("region_name") or "")
        )
    if wanted:
        raise CredentialsError(f"OS_CLOUD is {wanted!r}, but there is no clouds.yaml. {HOW}")
    return None


def find(site: str = "", env: Mapping[str, str] | None = None) -> SignIn:
    """The sign-in for `site`: OS_CLOUD, else OS_* variables, else clouds.yaml, else the JupyterHub's.

    Raises CredentialsError with the way to get one. Nothing is sent anywhere.
    """
    env = os.environ if env is None else env
    found = _from_clouds(env, site) if env.get("OS_CLOUD") else _from_environment(env) or _from_clouds(env, site)
    if found is None and env.get("JUPYTERHUB_API_URL"):
        found = SignIn("the JupyterHub you are signed in to", "v3oidcaccesstoken", {})
    if found is None:
        raise CredentialsError(f"no Chameleon sign-in found. {HOW}")
    if found.is_application_credential and site and found.region and found.region != site:
        raise CredentialsError(
            f"the application credential in {found.source} was made at {found.region} "
            f"and works only there, but this part runs at {site}. Make one on {site}'s "
            "dashboard and put both in clouds.yaml, each with its region_name."
        )
    return found
