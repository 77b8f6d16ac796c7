"""Where the numbers were measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

Machine = dict[str, str | int | float]


async def machine(temporal: Client) -> Machine:
    """Processor, cores, memory, operating system, and the versions of Python, the SDK and the server."""
    info = await temporal.workflow_service.get_system_info(GetSystemInfoRequest())
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "os": f"{_distribution()} ({platform.system()} {platform.release()}, {platform.machine()})",
        "python": platform.python_version(),
        "temporalio": version("temporalio"),
        "temporal_server": info.server_version,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    """The processor's name: Linux keeps it in a file; elsewhere the platform knows."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform(terse=True)
