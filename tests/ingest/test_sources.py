"""Sources in files: what they mean, and that every mistake is found where it was made."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.app import create_app
from tocsin.ingest.formats.table import FORMATS
from tocsin.ingest.regrouping import regrouped
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError
from tocsin.sourcefiles import RESERVED, load_sources, read_sources, unsecured
from tocsin.sources import ALERTMANAGER, LOCKS, Source
from tocsin.yamlfile import YamlError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a source's file, and gives the folder."""

    def written(text: str, name: str = "one") -> Path:
        (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path

    return written


def told(folder: Path) -> list[str]:
    """The mistakes in a folder, each with its place."""
    with pytest.raises(YamlError) as refused:
        load_sources(folder, {"harbour"})
    return [str(problem).removeprefix(f"{folder}{os.sep}") for problem in refused.value.problems]


# ---- what a file says ----


def test_a_source_is_a_name_a_format_and_what_its_senders_must_show(write: Write) -> None:
    folder = write(
        "source: grafana\nformat: grafana\nplan: harbour\ngroup_by: [service]\ncoalesce: PT30S\n"
        "lock: {hmac: {secrets: [{file: key}], header: X-Signature}}\n"
    )
    (folder / "key").write_text("red-light-to-port\n")

    builtin, source = load_sources(folder, {"harbour"})

    assert builtin is ALERTMANAGER
    assert (source.path, source.plan, source.group_by) == ("/v1/sources/grafana", "harbour", ("service",))
    assert source.coalesce == timedelta(seconds=30)
    assert source.lock is not None
    assert source.lock.hmac is not None
    assert source.lock.hmac.secrets[0].file == folder / "key"
    assert source.is_secured


def test_pagerdutys_clients_know_one_path_only_so_several_sources_may_share_it(write: Write) -> None:
    write("source: icinga\nformat: pagerduty\nlock: {routing_keys: red-light-to-port}\n", "icinga")
    folder = write("source: zabbix\nformat: pagerduty\nlock: {routing_keys: blue-light-ashore}\n", "zabbix")

    _, *sources = load_sources(folder, {})

    assert [source.path for source in sources] == ["/v2/enqueue", "/v2/enqueue"]


def test_without_a_folder_there_is_alertmanager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_sources(Settings(), {}) == (ALERTMANAGER,)


def test_a_folder_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"TOCSIN_SOURCES: there is no folder .*nowhere"):
        read_sources(Settings(sources=tmp_path / "nowhere"), {})


def test_a_source_called_alertmanager_takes_the_place_of_the_one_that_is_there(write: Write) -> None:
    folder = write("source: alertmanager\nformat: alertmanager\nlock: {bearer: s3cret-of-the-bell}\n")

    [source] = load_sources(folder, {})

    assert (source.path, source.is_secured) == ("/v1/alertmanager", True)


@pytest.mark.parametrize("format", ["alertmanager", "grafana", "cloudwatch", "aws-health"])
def test_what_repeats_its_labels_at_the_end_can_be_grouped_by_them(write: Write, format: str) -> None:
    folder = write(f"source: a\nformat: {format}\ngroup_by: [service]")

    assert load_sources(folder, ["harbour"])[-1].group_by == ("service",)


# ---- mistakes ----

A = "source: a\nformat: "
G = f"{A}grafana\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format: grafana", "1:1: `source` is required here"),
        (A + "grafna", '2:9: format: "grafna" is not allowed here'),
        (G + "plan: harbor", '3:7: plan: there is no plan "harbor"; there are harbour'),
        (G + "path: v1", "3:7: path: "),
        (G + "path: /v1/{x}", "3:7: path: "),
        (G + "path: /v1/twilio/sms", "3:7: path: the receiver uses /v1/twilio/sms itself"),
        (G + "path: /metrics", "3:7: path: the receiver uses /metrics itself"),
        (G + "path: /v1/alertmanager", "3:7: path: /v1/alertmanager belongs to the source"),
        (A + "mapping", "2:9: format: the format `mapping` needs the key `mapping`"),
        (A + "mapping\nmapping: m.yaml", "3:10: mapping: there is no file"),
        (G + "mapping: one.yaml", "3:10: mapping: a mapping is for the format `mapping`"),
        (A + "pagerduty\nlock: {bearer: s3cret-of-the-bell}", "3:16: lock.bearer: the format `pagerduty` is"),
        (A + "sns\nlock: {bearer: s3cret-of-the-bell}", "3:16: lock.bearer: the format `sns` is secured by `topics`"),
        (A + "pagerduty\ngroup_by: [host]", "3:11: group_by: the format `pagerduty` need not repeat labels when"),
        (A + "cloudevents\ngroup_by: [host]", "delete this: one `subject` is one incident"),
        (A + "sns\ngroup_by: [host]", "the formats `cloudwatch` and `aws-health` can be grouped"),
        (A + "mapping\ngroup_by: [host]", "let the mapping's `group` say what belongs together"),
        (G + "lock: {topics: [arn]}", "3:16: lock.topics: the format `grafana` is"),
        (G + "lock: {}", "3:7: lock: names nothing to show"),
        (G + "lock: {bearer: {file: gone}}", "lock.bearer.file: there is no file"),
        (G + "lock: {bearer: {file: empty}}", "empty holds no secrets"),
        (G + "lock: {bearer: {file: three}}", "three holds 3 secrets"),
        (G + "lock: {bearer: [s3cret-of-the-bell, t0ken-of-the-bell, k3y-of-the-belfry]}", "3:16: lock.bearer: "),
        ('source: a\nformat: grafana\nlock: {bearer: ""}', "3:16: lock.bearer"),
        (G + "lock: {bearer: [s3cret]}", "3:17: lock.bearer[0]: a secret is too short; write at least 16 characters"),
        (A + "pagerduty\nlock: {routing_keys: s3cret}", "3:22: lock.routing_keys: a secret is too short"),
        (G + "lock: {hmac: {secrets: t0ken, header: X-S}}", "3:24: lock.hmac.secrets: a secret is too short"),
        (G + "lock: {bearer: {file: short}}", "short holds a secret that is too short; write at least 16"),
        (f"source: {'a' * 61}\nformat: grafana", "is too long (61 characters); write at most 60"),
        ("source: B 3\nformat: grafana", '1:9: source: "B 3" is no name here; write small letters'),
        (G + "lock: {bearer: {}}", "a secret is text that is not empty, or {file: NAME}"),
        (G + "lock: {hmac: {secrets: s3cret-of-the-bell, header: 'a b'}}", "lock.hmac.header: "),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_place(write: Write, text: str, said: str) -> None:
    folder = write(text)
    (folder / "empty").write_text("\n")
    (folder / "three").write_text("s3cret\nt0ken\nk3y\n")
    (folder / "short").write_text("s3cret-of-the-bell\nt0ken\n")

    [problem] = told(folder)

    assert said in problem
    assert not any(secret in problem for secret in ("s3cret", "t0ken", "k3y"))


def test_the_mistakes_of_all_files_are_said_at_once(write: Write) -> None:
    write("source: a\nformat: grafana\nplan: harbor\nlock: {}", "one")
    folder = write("source: b\nformat: nothing", "two")

    assert len(told(folder)) == 3


def test_mistakes_are_told_file_by_file(write: Write) -> None:
    write("source: a\nformat: grafana\nplan: harbor\nlock: {}", "one")
    folder = write("source: B\nformat: grafana\nplan: harbor", "two")

    assert [each.rpartition(": ")[0].partition(": ")[0] for each in told(folder)] == [
        "one.yaml:3:7",
        "one.yaml:4:7",
        "two.yaml:1:9",
    ]


def test_two_sources_cannot_have_one_name_or_one_path(write: Write) -> None:
    write("source: a\nformat: grafana\npath: /v1/alerts", "one")
    write("source: a\nformat: grafana", "two")
    folder = write("source: b\nformat: grafana\npath: /v1/alerts", "zwei")

    assert [each.split(":")[0] for each in told(folder)] == ["two.yaml", "zwei.yaml"]


def test_of_two_that_share_pagerdutys_path_each_must_have_a_key(write: Write) -> None:
    write("source: a\nformat: pagerduty\nlock: {routing_keys: red-light-to-port}", "one")
    folder = write("source: b\nformat: pagerduty", "two")

    [problem] = told(folder)

    assert "/v2/enqueue belongs to the source a already" in problem


def test_no_path_of_the_receivers_own_can_be_taken(library: PlanLibrary) -> None:
    app = create_app(_nobody, library, Settings(codec_tokens="anybody"), sources=())
    own = set(app.openapi()["paths"]) | {"/openapi.json", "/v1/codec/decode"}

    assert {"/docs", "/v1/twilio/sms"} <= own
    assert {path for path in own if not path.startswith(RESERVED)} == set()


async def _nobody() -> object:
    raise NotImplementedError


def test_every_format_has_a_reader_and_a_lock() -> None:
    assert set(FORMATS) <= set(LOCKS)


# ---- who is asked for nothing ----


def test_a_source_without_a_lock_is_named() -> None:
    sources = (ALERTMANAGER, Source(source="a", format="grafana"))

    assert unsecured(sources, has_tokens=False) == ["alertmanager", "a"]
    assert unsecured(sources, has_tokens=True) == ["a"]


# ---- grouping ----


def sighting(key: str, **labels: str) -> Sighting:
    return Sighting(key=key, is_firing=True, labels=labels)


def reading(group: str, *sightings: Sighting, **labels: str) -> Reading:
    return Reading(group=group, sightings=sightings, title=f"title of {group}", labels=labels)


def test_alerts_that_share_the_labels_make_one_group_whichever_group_they_came_in() -> None:
    first = reading("1", sighting("a", service="bell", severity="bad"), sighting("b", service="horn"))
    second = reading("2", sighting("c", severity="worse"), service="bell")

    bell, horn = regrouped([first, second], ["service"])

    assert (bell.group, [each.key for each in bell.sightings]) == ('{service="bell"}', ["a", "c"])
    assert (bell.labels, bell.title) == ({"service": "bell"}, "")
    assert (horn.group, horn.labels) == ('{service="horn"}', {"service": "horn"})


def test_an_alert_without_any_of_the_labels_stays_where_it_was() -> None:
    [lone] = regrouped([reading("1", sighting("a", other="x"))], ["service", "site"])

    assert (lone.group, lone.title) == ("1", "title of 1")


def test_what_a_label_says_cannot_be_mistaken_for_another_group() -> None:
    [one] = regrouped([reading("1", sighting("a", a='x", b="y'))], ["a", "b"])
    [other] = regrouped([reading("1", sighting("a", a="x", b="y"))], ["a", "b"])

    assert one.group != other.group


def test_without_labels_to_group_by_nothing_changes() -> None:
    readings = (reading("1", sighting("a")), reading("2", sighting("b")))

    assert regrouped(readings, ()) == readings
