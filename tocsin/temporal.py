"""Connecting to Temporal, for every process: one data converter, one way to find the server, and one way to end."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import NoReturn

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime

from tocsin.codec import EncryptionCodec
from tocsin.keyring import KeyRing
from tocsin.settings import Settings, SettingsError, read_environment, temporal_variables

DEFAULT_ADDRESS = "127.0.0.1:7233"


class TemporalUnavailable(Exception):
    """No Temporal server answers; the text says where it was looked for."""


async def connect(
    address: str | None = None,
    namespace: str | None = None,
    runtime: Runtime | None = None,
    settings: Settings | None = None,
) -> Client:
    """A client for the server that the environment names, or the one given; `settings` have the keys.

    Raises `TemporalUnavailable`, and `SettingsError` for a configuration that cannot be read.
    """
    converter = data_converter(KeyRing.read(settings or read_environment()))
    config = _configured()
    config["target_host"] = address or config.get("target_host") or DEFAULT_ADDRESS
    if namespace:
        config["namespace"] = namespace
    try:
        return await Client.connect(**config, data_converter=converter, runtime=runtime)
    except RuntimeError as error:
        raise TemporalUnavailable(
            f"Temporal does not answer at {config['target_host']}: {error}. "
            "Start one with `make up`, or set TEMPORAL_ADDRESS."
        ) from error


def data_converter(ring: KeyRing) -> DataConverter:
    """Pydantic models as JSON, encrypted where there are keys.

    With keys the words of a failure are a payload too. What is encrypted is recognised even without keys, and refused
    with the name of the key that is missing.
    """
    converter = replace(pydantic_data_converter, payload_codec=EncryptionCodec(ring))
    if not ring:
        return converter
    return replace(converter, failure_converter_class=DefaultFailureConverterWithEncodedAttributes)


def leave(code: int) -> NoReturn:
    """End the process at once: the SDK's own threads can crash an ordinary exit after the work is done."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _configured() -> ClientConnectConfig:
    """The loader sees no other variables: where it reads the environment itself, a byte in any of them panics it."""
    try:
        return ClientConfig.load_client_connect_config(override_env_vars=temporal_variables())
    except (
        RuntimeError,
        OSError,
    ) as error:  # the loader's own error is a RuntimeError that it does not export
        raise SettingsError(
            f"Temporal's configuration cannot be read: {error}; check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE and the "
            "files that TEMPORAL_TLS_… variables name"
        ) from error
