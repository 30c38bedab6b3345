"""Faults of containers on CHI@Edge devices, by Zun."""

from __future__ import annotations

from ..switch import Fault
from .words import AGAIN

CONTAINER = (
    Fault("container-quota", "zun", "POST of a container is answered 403, quota exceeded", "the quota is used up"),
    Fault(
        "container-image-missing",
        "zun",
        "the container goes to Error: image not found",
        "the image's name, where to change it",
    ),
    Fault("container-error", "zun", "the container goes to Error: the device does not answer", "try another device"),
    Fault("container-creating-forever", "zun", "the container stays in Creating", "it did not start in time"),
    Fault(
        "container-execute-fails",
        "zun",
        "commands that `match` fits end with 137 and 'Killed'",
        "the command was killed: out of memory on the device",
        defaults={"match": ""},
    ),
    Fault("container-disk-full", "zun", "uploads are answered 500, no space left on device", "what to delete"),
    Fault(
        "container-execute-mute",
        "zun",
        "commands that `match` fits are answered with nothing: no output, no exit code",
        AGAIN,
        defaults={"match": ""},
    ),
    Fault(
        "container-command-slow",
        "zun",
        "Zun listens to commands that `match` fits for `seconds` only, as to a device that is slow; they go on",
        "nothing: the command is asked after until it ends",
        defaults={"match": "", "seconds": 0.05},
    ),
    Fault(
        "container-device-offline",
        "zun",
        "commands that `match` fits are answered 500: the device is not reached",
        "the device is not reached; another device",
        defaults={"match": ""},
    ),
    Fault(
        "container-stops",
        "zun",
        "the container stops at the command that `match` fits: the device restarted",
        "its state, and how to get another",
        defaults={"match": ""},
    ),
    Fault(
        "container-vanishes",
        "zun",
        "the container is gone at the command that `match` fits",
        "the container is gone; what was synced is kept",
        defaults={"match": ""},
    ),
    Fault("container-upload-breaks", "zun", "put_archive is answered 500, Broken pipe", AGAIN),
    Fault("container-piece-lost", "zun", "put_archive is answered 200 and nothing is written", AGAIN),
    Fault("container-download-breaks", "zun", "get_archive is answered 500", "files cannot be fetched, and why"),
    Fault("container-archive-damaged", "zun", "get_archive answers half of an archive", AGAIN),
    Fault("container-archive-empty", "zun", "get_archive answers an archive without members", AGAIN),
    Fault("container-delete-ignored", "zun", "DELETE is answered 204 and the container stays", "it is still there"),
)
