"""`make audit` never takes silence of a service for good news, nor for bad."""

from __future__ import annotations

from audit import NPM, Outcome, npm_outcome, pip_outcome, reachability

NO_ANSWER = {"name": "a", "skip_reason": "Dependency not found on PyPI and could not be audited: a (1.0)"}
FINE = {"name": "b", "version": "2.0", "vulns": []}
BAD = {"name": "c", "version": "3.0", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}


def test_dependencies_without_an_answer_are_not_audited() -> None:
    assert pip_outcome({"dependencies": [NO_ANSWER, FINE]}, "") == Outcome(2, 1, (), str(NO_ANSWER["skip_reason"]))
    assert str(pip_outcome({"dependencies": [NO_ANSWER]}, "")).startswith(
        "no answer (0 of 1 dependencies audited; 1 not"
    )


def test_vulnerable_dependencies_are_named() -> None:
    assert str(pip_outcome({"dependencies": [FINE, BAD]}, "")) == (
        "c 3.0: PYSEC-1, PYSEC-2 (2 of 2 dependencies audited)"
    )


def test_npm_without_an_answer_has_a_message() -> None:
    outcome = npm_outcome({"message": "405 Method Not Allowed - POST https://h/v1", "error": {}}, "")
    assert str(outcome) == "no answer (0 of 1 dependencies audited; 1 not audited: 405 Method Not Allowed - POST …)"


def test_npm_names_what_is_vulnerable() -> None:
    report = {
        "auditReportVersion": 2,
        "vulnerabilities": {"x": {"name": "x", "range": "<1", "severity": "high"}},
        "metadata": {"dependencies": {"total": 9}},
    }
    assert str(npm_outcome(report, "")) == "x <1: high (9 of 9 dependencies audited)"


def test_one_line_says_which_service_answered() -> None:
    outcomes = {"a.txt": Outcome(3, 3), "b.txt": Outcome(3, 1, problem="p"), NPM: Outcome(1, 0, problem="405")}
    assert reachability(outcomes) == (
        "services: PyPI partly reachable (1 of 2 lock files audited), npm not reachable (0 of 1 lock files audited)"
    )
