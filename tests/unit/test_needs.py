"""What a missing broker or missing root does to a run."""

import pytest

from tests import needs


def test_absence_skips_on_a_developers_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CI a missing broker leaves the test out and says why."""
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=r"needs kafka: no java on PATH"):
        needs.absent("kafka", "no java on PATH")


def test_absence_fails_where_nothing_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI=true a missing broker is a failure."""
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match=r"needs kafka: no java on PATH \(CI=true"):
        needs.absent("kafka", "no java on PATH")


def test_only_what_is_missing_counts_as_left_out() -> None:
    """A skip for another reason is not in the list at the end."""
    assert needs.without_prefix("Skipped: needs root: run as root") == ("root", "run as root")
    assert needs.without_prefix("Skipped: not on this Python") is None
