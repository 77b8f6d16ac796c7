"""Connecting to Temporal: one data converter, one way to find the server, for every process."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime

DEFAULT_ADDRESS = "127.0.0.1:7233"


class TemporalUnavailable(Exception):
    """No Temporal server answers; the text says where it was looked for."""


async def connect(
    address: str | None = None, namespace: str | None = None, runtime: Runtime | None = None
) -> Client:
    """A client for the server that the environment names, or the one given. Raises `TemporalUnavailable`."""
    config = ClientConfig.load_client_connect_config()
    config["target_host"] = address or config.get("target_host") or DEFAULT_ADDRESS
    if namespace:
        config["namespace"] = namespace
    try:
        return await Client.connect(**config, data_converter=pydantic_data_converter, runtime=runtime)
    except RuntimeError as error:
        raise TemporalUnavailable(
            f"Temporal does not answer at {config['target_host']}: {error}. "
            "Start one with `make up`, or set TEMPORAL_ADDRESS."
        ) from error
