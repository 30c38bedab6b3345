"""What clouds.yaml and the OS_* variables say, read by openstacksdk as every OpenStack client reads them.

openstacksdk applies profiles, regions, secure.yaml and older names of options. What it passes over without a word (a
file that is not YAML, an unknown profile, the first of several entries) is an error here.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reserve.errors import CredentialsError
from snippets.errors import ToolMissing


@dataclass(frozen=True)
class Entry:
    """One way to sign in. `settings`: everything that it says, below `auth` and beside it.

    `auth_type` and `region` are empty where it does not say; `cloud`, its name in the file, where it is from elsewhere.
    """

    source: str
    settings: Mapping[str, str] = field(repr=False)
    auth_type: str = ""
    region: str = ""
    cloud: str = ""

    @property
    def project(self) -> str:
        """Name or id of the project that pays; empty where it does not say."""
        return self.settings.get("project_name") or self.settings.get("project_id") or ""


def from_variables(source: str, variables: Mapping[str, str], auth_type: str, region: str) -> Entry:
    """The entry that `variables` make: OS_* names, in lower case and without their OS_."""
    with _explained(source):
        # Below `auth`, openstacksdk takes a value as it is; beside it, braces would be filled in.
        cloud = _reader(load_yaml_config=False).get_one(
            validate=False, auth=dict(variables), auth_type=auth_type, region_name=region
        )
        return Entry(source, _settings(cloud.config), str(cloud.config["auth_type"] or ""), region)


def for_site(site: str, env: Mapping[str, str]) -> Entry | None:
    """The entry for `site` in clouds.yaml, by OS_CLOUD and by region; None where there is no such file.

    Nothing is sent anywhere, unless an entry's `profile` is an address: openstacksdk asks there. Raises
    CredentialsError, naming file and line or entry, for what cannot be read and for several entries that would do.
    """
    path = next((path for path in _files("clouds", "OS_CLIENT_CONFIG_FILE", env) if path.is_file()), None)
    if path is None:
        return None
    config = _opened(path, env)
    names, wanted = config.get_cloud_names(), env.get("OS_CLOUD", "")
    if wanted and wanted not in names:
        raise CredentialsError(
            f"OS_CLOUD is {wanted!r}, but {path} has: {', '.join(names)}. Set OS_CLOUD to one of them."
        )
    if wanted or len(names) == 1:
        first = _entry(config, path, wanted or names[0], site)
        if first.region in ("", site) or len(names) == 1:
            return first
    # A course that works on several sites keeps one entry a site: the one of this site wins.
    at_site = []
    for name in names:
        with contextlib.suppress(CredentialsError):
            at_site.append(_entry(config, path, name, site))
    at_site = [entry for entry in at_site if site and entry.region == site]
    if len(at_site) == 1:
        return at_site[0]
    if wanted and not at_site:
        return first
    held = ", ".join(f"{e.cloud} (project {e.project})" if e.project else e.cloud for e in at_site) or ", ".join(names)
    raise CredentialsError(
        f"{path} holds {held}{f' for {site}' if at_site else ''}. Say which to use: `export OS_CLOUD=NAME`."
    )


def has_file(env: Mapping[str, str]) -> bool:
    """Whether there is a clouds.yaml at one of its places."""
    return any(path.is_file() for path in _files("clouds", "OS_CLIENT_CONFIG_FILE", env))


def _files(stem: str, variable: str, env: Mapping[str, str]) -> list[Path]:
    """Where such a file may lie, first to last: where the variable says, else here, the user's and the machine's."""
    if env.get(variable):
        return [Path(env[variable])]
    home = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = (Path(), home / "openstack", Path("/etc/openstack"))
    return [folder / f"{stem}.{ending}" for folder in folders for ending in ("yaml", "yml")]


def _opened(path: Path, env: Mapping[str, str]) -> Any:
    """openstacksdk's view of the file, of the secrets kept apart in secure.yaml, and of the user's own profiles."""
    secure = [one for one in _files("secure", "OS_CLIENT_SECURE_FILE", env) if one.is_file()][:1]
    for one in (path, *secure):
        _check(one)
    with _explained(str(path)):
        return _reader(
            config_files=[str(path)],
            secure_files=[str(one) for one in secure],
            vendor_files=[str(one) for one in _files("clouds-public", "", env)],
        )


def _reader(**where: Any) -> Any:
    # Its own default, `password`, would hide that an entry does not say how to sign in.
    return _openstack().config.OpenStackConfig(load_envvars=False, override_defaults={"auth_type": ""}, **where)


def _check(path: Path) -> None:
    """Raise CredentialsError for a file that openstacksdk would skip; nothing of its text is quoted."""
    import yaml

    where, why = str(path), ""
    try:
        if isinstance(found := yaml.safe_load(path.read_text(encoding="utf-8")), dict) and found.get("clouds"):
            return
        why = "it holds no `clouds:`"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where += f", line {mark.line + 1}" if mark else ""
        # The parser's own words may quote a password.
        why = "it is not YAML there (a value with special characters goes between quotes)"
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
    raise CredentialsError(
        f"{where} cannot be read: {why}. Correct it, or download it again from the site's dashboard."
    )


def _entry(config: Any, path: Path, name: str, site: str) -> Entry:
    """The entry as it stands for `site`; for its own first region where it does not name the site."""
    source = f"{path} ({name})"
    with _explained(source):
        cloud = config.get_one(name, validate=False)
        if site and cloud.region_name not in ("", site):
            with contextlib.suppress(_openstack().exceptions.ConfigException):
                cloud = config.get_one(name, validate=False, region_name=site)
        auth_type = str(cloud.config["auth_type"] or "")
        return Entry(source, _settings(cloud.config), auth_type, cloud.region_name or "", name)


def _settings(config: Mapping[str, Any]) -> dict[str, str]:
    """`auth` and what stands beside it in one, as text; an option below `auth` wins."""
    both = {**config, **config["auth"]}
    return {key: str(value) for key, value in both.items() if isinstance(value, str | int | float) and value != ""}


@contextlib.contextmanager
def _explained(source: str) -> Iterator[None]:
    """What openstacksdk raises, or what a file of an unexpected shape makes it raise, as CredentialsError."""
    openstack = _openstack()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", openstack.warnings.ConfigurationWarning)
            yield
    except (openstack.exceptions.ConfigException, openstack.warnings.ConfigurationWarning, OSError) as error:
        raise CredentialsError(f"{source} cannot be used: {error}. Correct it there.") from None
    except (AttributeError, TypeError, ValueError, LookupError) as error:
        raise CredentialsError(
            f"{source} is not laid out as OpenStack's clients read it ({type(error).__name__}): an entry has a name, "
            "`auth:` with its options below, and `region_name`. Download it again from the site's dashboard."
        ) from None


def _openstack() -> Any:
    """The openstack package with what is used of it; half a second at the first time, so not before it is needed."""
    try:
        import openstack.config
        import openstack.exceptions
        import openstack.warnings
    except ImportError as error:
        raise ToolMissing(
            f"openstacksdk cannot be imported ({error}). Run: pip install 'servelab[chameleon]'"
        ) from None
    return openstack
