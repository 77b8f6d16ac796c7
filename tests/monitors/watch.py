"""Prometheus and Alertmanager themselves, as Debian packages them, watching lamps with short intervals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.monitors.lamps import Lamp
from tocsin.embedded.processes import Processes, answers, free_port

PROMETHEUS, ALERTMANAGER = "prometheus", "prometheus-alertmanager"


def missing() -> list[str]:
    """The programs that are not on this machine."""
    return [name for name in (PROMETHEUS, ALERTMANAGER) if shutil.which(name) is None]


RULES = {
    "groups": [
        {
            "name": "lamps",
            "rules": [
                {
                    "alert": "LampOut",
                    "expr": 'up{job="lamps"} == 0',
                    "labels": {"severity": "critical"},
                    "annotations": {
                        "summary": "{{ $labels.lamp }} is out",
                        "description": "Nobody can measure it any more",
                    },
                }
            ],
        }
    ]
}


class Watch:
    """Both programs, with everything that they write below `folder`.

    Files are written as JSON, which is YAML too. `receiver` is a receiver of Alertmanager's configuration.
    """

    def __init__(self, folder: Path, lamps: Sequence[Lamp], receiver: Mapping[str, Any]) -> None:
        self._folder = folder
        self._lamps = lamps
        self._receiver = dict(receiver)
        self._processes = Processes(folder / "logs")
        self._alertmanager = f"127.0.0.1:{free_port()}"
        self._prometheus = f"127.0.0.1:{free_port()}"

    def start(self) -> None:
        """Start both, each until it is ready. Raises `StartError`."""
        try:
            self._start_alertmanager()
            self._start_prometheus()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End both."""
        self._processes.stop()

    def _start_alertmanager(self) -> None:
        route = {
            "receiver": "tocsin",
            "group_by": ["alertname", "lamp"],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "1h",
        }
        config = self._write(
            "alertmanager.yml", {"route": route, "receivers": [{"name": "tocsin", **self._receiver}]}
        )
        command = [
            ALERTMANAGER,
            f"--config.file={config}",
            f"--storage.path={self._folder / 'alertmanager'}",
            f"--web.listen-address={self._alertmanager}",
            "--cluster.listen-address=",
            "--log.level=debug",
        ]
        self._run(ALERTMANAGER, command, self._alertmanager)

    def _start_prometheus(self) -> None:
        lamps = [
            {"targets": [f"127.0.0.1:{lamp.port}"], "labels": {"lamp": lamp.name}} for lamp in self._lamps
        ]
        self._write("rules.yml", RULES)
        config = self._write(
            "prometheus.yml",
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [self._alertmanager]}]}]},
                "scrape_configs": [{"job_name": "lamps", "static_configs": lamps}],
            },
        )
        command = [
            PROMETHEUS,
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address={self._prometheus}",
            "--rules.alert.resend-delay=1s",
        ]
        self._run(PROMETHEUS, command, self._prometheus)

    def _write(self, name: str, content: Any) -> Path:
        file = self._folder / name
        file.write_text(json.dumps(content))
        return file

    def _run(self, name: str, command: Sequence[str], address: str) -> None:
        self._processes.start(name, command, {}, lambda: answers(f"http://{address}/-/ready"))


@contextmanager
def watching(folder: Path, lamp: Lamp, receiver: Mapping[str, Any]) -> Iterator[None]:
    """Both programs watch one lamp, and tell `receiver`, until the end."""
    watch = Watch(folder, [lamp], receiver)
    watch.start()
    try:
        yield
    finally:
        watch.stop()
