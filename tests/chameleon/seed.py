"""What a fresh emulator holds: the sites, hosts and devices of the course, the same hosts as the recorded cloud."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any

from .clock import zulu
from .model import Resource, Site, new_hex, new_id

IMAGES = ("CC-Ubuntu24.04-CUDA", "CC-Ubuntu24.04", "CC-Ubuntu24.04-ROCm", "CC-Ubuntu24.04-CUDA-VGPU")


def flavor(name: str, number: str, vcpus: int = 1, **specs: str) -> dict[str, Any]:
    """A public flavor as Nova lists it, without its links. `specs`: resources that one instance takes."""
    return {
        "id": number,
        "name": name,
        "ram": 256,
        "disk": 1,
        "swap": "",
        "vcpus": vcpus,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": True,
        "rxtx_factor": 1.0,
        "description": None,
        "extra_specs": {f"resources:{key}": value for key, value in specs.items()},
    }


FLAVOR = flavor("baremetal", "684e0c5a-2f0f-4c0e-9d5c-6a5a3f2f7b11")
KVM_FLAVORS = (
    flavor("m1.medium", "3", 2),
    flavor("g1.h100.pci.1", "7a61e1ff-6344-4932-be2b-9e98cabe99fd", 12, CUSTOM_H100="1"),
    flavor("g1.h100.vgpu.1g.12gb", "0c7f7dd2-35a1-44a2-8a0c-6b8b3f2a51d0", 4, CUSTOM_H100_SLICE="1"),
)
# What each kind of flavor can be had of at one time: two whole GPUs, four slices of another one.
KVM_CAPACITY = {"CUSTOM_H100": 2, "CUSTOM_H100_SLICE": 4}

_LIQID = {
    "site": "tacc",
    "type": "compute_liqid",
    "cpu": "AMD EPYC 7763",
    "hz": 2450000000,
    "threads": 256,
    "ram_gib": 256,
    "disk": "480 GB",
    "gpu": "A100",
}
_P100 = {
    "site": "tacc",
    "type": "gpu_p100",
    "cpu": "Intel Xeon E5-2670 v3",
    "hz": 2300000000,
    "threads": 48,
    "ram_gib": 128,
    "disk": "1 TB",
    "gpu": "P100",
}
_GIGAIO = {
    "site": "uc",
    "type": "compute_gigaio",
    "cpu": "AMD EPYC 7763",
    "hz": 2450000000,
    "threads": 128,
    "ram_gib": 512,
    "disk": "480 GB",
    "gpu": "A100",
}
_MI100 = {
    "site": "tacc",
    "type": "gpu_mi100",
    "cpu": "AMD EPYC 7763",
    "hz": 2450000000,
    "threads": 128,
    "ram_gib": 256,
    "disk": "480 GB",
    "gpu": "MI100",
}
_H100 = {
    "site": "tacc",
    "type": "gpu_h100",
    "cpu": "Intel Xeon Platinum 8468",
    "hz": 2100000000,
    "threads": 192,
    "ram_gib": 1024,
    "disk": "1 TB",
    "gpu": "H100",
}
HOSTS: tuple[dict[str, Any], ...] = (
    {**_LIQID, "name": "liqid01", "uid": "3f4825f9-810e-54c6-9d84-fc1abffbedd6", "gpus": 1},
    {**_LIQID, "name": "liqid02", "uid": "ebdbd9b8-5001-5ae4-a7b2-bdb646cf31ad", "gpus": 2},
    {**_GIGAIO, "name": "gigaio01", "uid": "125ac11c-2ae9-57f2-b15c-4296e62a4924", "gpus": 1},
    {**_P100, "name": "p100-01", "uid": "c25685f1-add5-5062-bcf9-0249b05aad47", "gpus": 2},
    {**_P100, "name": "p100-02", "uid": "c01e8359-2476-5c64-acfd-5c31edd2f811", "gpus": 2},
    {**_MI100, "name": "mi100-01", "uid": "5f0c1d52-7d2e-5a5f-9f0e-0f5a7f7a1c11", "gpus": 2},
    {**_H100, "name": "h100-01", "uid": "b7c7c1a6-1f57-5d0b-8b36-1f7a6a4be2d2", "gpus": 4},
)
DEVICES: tuple[dict[str, Any], ...] = tuple(
    {"name": f"rpi5-{number}", "uid": f"u-{number}", "machine_name": "raspberrypi5", "model": "Raspberry Pi 5"}
    for number in (1, 2)
)


def more_hosts(count: int, node_type: str = "compute_liqid") -> list[dict[str, Any]]:
    """`count` further hosts at CHI@TACC, to measure how a program does with a large site."""
    return [
        {
            **_LIQID,
            "type": node_type,
            "name": f"more{n:03}",
            "gpus": 1,
            "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"more{n}")),
        }
        for n in range(count)
    ]


def sites() -> dict[str, Site]:
    return {
        site.name: site
        for site in (
            Site("CHI@TACC", "tacc", "baremetal"),
            Site("CHI@UC", "uc", "baremetal"),
            Site("CHI@Edge", "edge", "edge"),
            Site("KVM@TACC", "kvm", "kvm"),
        )
    }


def node(host: dict[str, Any]) -> dict[str, Any]:
    """A host as the reference API describes it."""
    return {
        "uid": host["uid"],
        "node_name": host["name"],
        "node_type": host["type"],
        "architecture": {"platform_type": "x86_64", "smp_size": 2, "smt_size": host["threads"]},
        "processor": {"model": host["cpu"], "clock_speed": host["hz"]},
        "main_memory": {"ram_size": host["ram_gib"] << 30, "humanized_ram_size": f"{host['ram_gib']} GiB"},
        "gpu": {"gpu": True, "gpu_count": host["gpus"], "gpu_model": host["gpu"]},
        "storage_devices": [{"device": "sda", "humanized_size": host["disk"]}],
        "network_adapters": [],
        "placement": {"rack": "1", "node": host["name"]},
        "bios": {},
        "version": "1",
    }


def host_resource(number: int, host: dict[str, Any], site: str, now: datetime) -> Resource:
    """A host as Blazar lists it: ids are strings of small integers, extra capabilities flat keys."""
    properties = {
        "hypervisor_hostname": host["uid"],
        "service_name": host["uid"],
        "hypervisor_type": "fake",
        "hypervisor_version": 1000,
        "vcpus": 1000,
        "memory_mb": 800000,
        "local_gb": 600000,
        "cpu_info": '{"arch": "x86_64", "model": "Nehalem", "vendor": "Intel", "features": ["pge", "clflush"], '
        '"topology": {"cores": 1, "threads": 1, "sockets": 4}}',
        "status": None,
        "availability_zone": "nova",
        "trust_id": new_hex(),
        "uid": host["uid"],
        "node_name": host["name"],
        "node_type": host["type"],
    }
    return Resource(str(number), "physical:host", site, properties, now)


def device_resource(device: dict[str, Any], site: str, now: datetime) -> Resource:
    properties = {
        "name": device["name"],
        "device_type": "container",
        "device_driver": "zun",
        "uid": device["uid"],
        "machine_name": device["machine_name"],
        "model": device["model"],
    }
    return Resource(new_id(), "device", site, properties, now)


def networks(site: Site, now: datetime) -> list[dict[str, Any]]:
    def one(name: str, shared: bool, external: bool) -> dict[str, Any]:
        return {
            "id": new_id(),
            "name": name,
            "status": "ACTIVE",
            "shared": shared,
            "router:external": external,
            "subnets": [new_id()],
            "project_id": owner,
            "tenant_id": owner,
            "admin_state_up": True,
            "mtu": 1500,
            "port_security_enabled": True,
            "description": "",
            "tags": [],
            "availability_zones": [],
            "availability_zone_hints": [],
            "ipv4_address_scope": None,
            "ipv6_address_scope": None,
            "qinq": None,
            "vlan_transparent": None,
            "created_at": zulu(now),
            "updated_at": zulu(now),
            "revision_number": 2,
        }

    owner = new_hex()
    fixed = "containernet1" if site.site_class == "edge" else "sharednet1"
    return [one(fixed, True, False), one("public", False, True)]


def image(name: str, now: datetime) -> dict[str, Any]:
    number, content = new_id(), b"x" * 1024
    return {
        "id": number,
        "name": name,
        "status": "active",
        "visibility": "public",
        "size": 1024,
        "virtual_size": 1024,
        "disk_format": "raw",
        "container_format": "bare",
        "checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "os_hash_algo": "sha512",
        "os_hash_value": hashlib.sha512(content).hexdigest(),
        "os_hidden": False,
        "protected": False,
        "min_ram": 0,
        "min_disk": 0,
        "owner": new_hex(),
        "tags": [],
        "created_at": zulu(now),
        "updated_at": zulu(now),
        "self": f"/v2/images/{number}",
        "file": f"/v2/images/{number}/file",
        "schema": "/v2/schemas/image",
        "stores": "fs",
        "owner_specified.openstack.md5": "",
        "owner_specified.openstack.object": f"images/{name}",
        "owner_specified.openstack.sha256": "",
    }
