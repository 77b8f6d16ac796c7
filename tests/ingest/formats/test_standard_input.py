from __future__ import annotations

from starter import PAYLOADS


def test_what_needs_no_header_signature_or_mapping_can_be_piped_into_the_starter() -> None:
    assert set(PAYLOADS) == {"alertmanager", "grafana", "pagerduty"}
