"""The examples in the documents run against the hub of the flow tests."""

from tests.flow.conftest import hub

__all__ = ["hub"]
