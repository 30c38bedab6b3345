"""Who signs in to Chameleon, and with what: OS_* variables, clouds.yaml, or a signed-in JupyterHub.

Secrets stay inside `SignIn` (its repr hides them) and are registered for `redact`, through which everything
that this package prints or keeps passes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reserve.errors import CredentialsError
from reserve.redact import remember_secret
from reserve.sites.chameleon.clouds import Entry, for_site, from_variables, has_file

HOW = (
    "On the site's dashboard (for example https://chi.tacc.chameleoncloud.org), choose Identity > Application "
    "Credentials (or API Access > OpenStack RC), download the openrc.sh or clouds.yaml, then `source openrc.sh` or "
    "put clouds.yaml in ~/.config/openstack/ and set OS_CLOUD. In Chameleon's JupyterHub you are signed in already."
)
CLI_PASSWORD = "It is the CLI password that you set on https://auth.chameleoncloud.org, not your university's."
SECRET_OPTIONS = {"password", "application_credential_secret", "token", "access_token", "client_secret", "passcode"}


@dataclass(frozen=True)
class SignIn:
    """What python-chi's session is given. `options` are keystoneauth's option names (`username`, `auth_url`, ...).

    `cloud`: the name of the entry in clouds.yaml; empty where it comes from elsewhere.
    """

    source: str
    auth_type: str
    options: Mapping[str, str] = field(repr=False)
    region: str = ""
    cloud: str = ""

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


def _auth_type(entry: Entry) -> str:
    said, named = entry.settings, entry.auth_type
    if said.get("application_credential_id") or said.get("application_credential_name"):
        found = "v3applicationcredential"
    elif named:
        found = {"password": "v3password", "token": "v3token"}.get(named, named)
    elif said.get("password"):
        found = "v3password"
    elif said.get("token"):
        found = "v3token"
    else:
        raise CredentialsError(f"{entry.source} names neither a password, a token nor an application credential. {HOW}")
    if not found.startswith("v3"):
        raise CredentialsError(f"{entry.source} asks for sign-in by {found!r}, which python-chi cannot do. {HOW}")
    return found


def _options(entry: Entry, auth_type: str, in_hub: bool) -> dict[str, str]:
    """What the entry says of the options that this way to sign in has. Raises CredentialsError where one is missing."""
    from keystoneauth1 import loading
    from keystoneauth1.exceptions import NoMatchingPlugin

    try:
        known = loading.get_plugin_loader(auth_type).get_options()
    except NoMatchingPlugin:
        plugin = (
            "Its plugin is part of Chameleon's ccauth: install that into this environment (pip install ccauth) and run "
            "`ccauth login`, or sign in another way. "
            if "chameleon" in auth_type
            else ""
        )
        raise CredentialsError(
            f"{entry.source} asks for sign-in by {auth_type!r}, and no installed package can do that. {plugin}{HOW}"
        ) from None
    options = {}
    for option in known:
        names = (option.dest, option.name.replace("-", "_"), *(old.dest for old in option.deprecated))
        value = next((entry.settings[name] for name in names if entry.settings.get(name)), "")
        if value:
            options[option.dest] = value
    required = {option.dest for option in known if option.required}
    if auth_type == "v3password":
        required |= {"password"} if options.get("user_id") else {"username", "password"}
    # python-chi knows the sites' addresses, and asks the JupyterHub for its token.
    missing = required - set(options) - ({"auth_url", "access_token"} if in_hub else {"auth_url"})
    if missing:
        raise CredentialsError(_missing(entry, auth_type, sorted(missing)))
    return options


def _missing(entry: Entry, auth_type: str, names: Sequence[str]) -> str:
    if auth_type == "v3applicationcredential":
        return f"{entry.source} has an application credential without its secret. {HOW}"
    if entry.cloud:
        text = f"{entry.source} lacks {', '.join(names)}: write it below `auth:` of that entry."
    else:
        text = f"{entry.source} lacks {', '.join(f'OS_{name.upper()}' for name in names)}."
    if auth_type == "v3oidcpassword" and "password" in names:
        text += f" {CLI_PASSWORD}"
    return f"{text} {HOW}"


def _signin(entry: Entry, in_hub: bool) -> SignIn:
    for name in SECRET_OPTIONS:
        remember_secret(entry.settings.get(name))
    auth_type = _auth_type(entry)
    options = _options(entry, auth_type, in_hub)
    if auth_type == "v3applicationcredential":
        # Keystone refuses a scope beside an application credential, which has its own.
        kept = {"auth_url", "application_credential_id", "application_credential_name", "application_credential_secret"}
        if "application_credential_name" in options:
            kept |= {"username", "user_domain_name", "user_domain_id"}
        options = {key: value for key, value in options.items() if key in kept}
    return SignIn(entry.source, auth_type, options, entry.region, entry.cloud)


def are_there(env: Mapping[str, str] | None = None) -> bool:
    """Whether anything here says how to sign in, right or wrong."""
    env = os.environ if env is None else env
    return bool(env.get("OS_CLOUD") or env.get("JUPYTERHUB_API_URL")) or bool(
        any(name.startswith("OS_") and name not in ("OS_CLIENT_CONFIG_FILE",) for name in env) or has_file(env)
    )


def takes_first_project(env: Mapping[str, str] | None = None) -> bool:
    """Whether the project is the JupyterHub's choice (the first of a list) and nobody's own."""
    env = os.environ if env is None else env
    return bool(env.get("JUPYTERHUB_API_URL")) and not env.get("SERVELAB_PROJECT") and not env.get("OS_CLOUD")


def _chosen(found: SignIn, project: str) -> SignIn:
    """The same for another project of the user, by name or id; an application credential has one of its own."""
    if not project or found.is_application_credential:
        return found
    options = {key: value for key, value in found.options.items() if key not in ("project_name", "project_id")}
    key = "project_id" if re.fullmatch(r"[0-9a-f]{32}", project) else "project_name"
    if key == "project_name":
        options.setdefault("project_domain_name", "chameleon")
    return replace(found, options={**options, key: project})


def _from_environment(env: Mapping[str, str]) -> Entry | None:
    variables = {name[3:].lower(): value for name, value in env.items() if name.startswith("OS_") and value}
    named = variables.pop("auth_type", "") or variables.pop("auth_method", "")
    signs = {"username", "user_id", "token", "application_credential_id", "application_credential_name"}
    if not (signs & set(variables)) and not named:
        return None
    return from_variables("the environment (OS_* variables)", variables, named, env.get("OS_REGION_NAME", ""))


def find(site: str = "", env: Mapping[str, str] | None = None) -> SignIn:
    """The sign-in for `site`: OS_CLOUD, else OS_* variables, else clouds.yaml, else the JupyterHub's.

    Raises CredentialsError with the way to get one, ToolMissing without openstacksdk. Nothing is sent anywhere (but see
    `for_site` for profiles that are addresses).
    """
    env = os.environ if env is None else env
    in_hub = bool(env.get("JUPYTERHUB_API_URL"))
    entry = for_site(site, env) if env.get("OS_CLOUD") else _from_environment(env) or for_site(site, env)
    if entry is not None:
        found = _signin(entry, in_hub)
    elif env.get("OS_CLOUD"):
        raise CredentialsError(f"OS_CLOUD is {env['OS_CLOUD']!r}, but there is no clouds.yaml. {HOW}")
    elif in_hub:
        found = SignIn("the JupyterHub you are signed in to", "v3oidcaccesstoken", {})
    else:
        raise CredentialsError(f"no Chameleon sign-in found. {HOW}")
    found = _chosen(found, env.get("SERVELAB_PROJECT", ""))
    if found.is_application_credential and site and found.region and found.region != site:
        raise CredentialsError(
            f"the application credential in {found.source} was made at {found.region} "
            f"and works only there, but this part runs at {site}. Make one on {site}'s "
            "dashboard and put both in clouds.yaml, each with its region_name."
        )
    return found
