"""Connecting to Temporal: one data converter, one way to find the server, for every process."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime

from tocsin.settings import SettingsError

DEFAULT_ADDRESS = "127.0.0.1:7233"


class TemporalUnavailable(Exception):
    """No Temporal server answers; the text says where it was looked for."""


async def connect(
    address: str | None = None, namespace: str | None = None, runtime: Runtime | None = None
) -> Client:
    """A client for the server that the environment names, or the one given.

    Raises `TemporalUnavailable`, and `SettingsError` for a configuration that cannot be read.
    """
    config = _configured()
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


def _configured() -> ClientConnectConfig:
    try:
        return ClientConfig.load_client_connect_config()
    except (
        RuntimeError,
        OSError,
    ) as error:  # the loader's own error is a RuntimeError that it does not export
        raise SettingsError(
            f"Temporal's configuration cannot be read: {error}; check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the "
            "files that TEMPORAL_TLS_… variables name"
        ) from error
