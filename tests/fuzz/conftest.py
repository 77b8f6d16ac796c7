from __future__ import annotations

import pytest

from tests.ingest.harbour import write_plans
from tocsin.library import PlanLibrary


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> PlanLibrary:
    """The harbour's plan, which takes whatever comes."""
    folder = tmp_path_factory.mktemp("harbour")
    plan = write_plans(folder / "plans") / "harbour" / "plan.yaml"
    plan.write_text(plan.read_text() + EVERYTHING)
    return PlanLibrary(folder / "plans", folder / "state")


EVERYTHING = """\
  - source: "*"
    otherwise: slow
    severity: {critical: closed}
    customer_label: customer
    vendor_label: source
    facts: {description: "annotation:description", place: "label:host"}
"""
