"""scripts/invite_person.py against a user pool of moto's."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

import invite_person
from truepoint.jobs.stack import OUTPUT_NAMES


@pytest.fixture
def pool(aws: str) -> Any:
    client, formation = boto3.client("cognito-idp"), boto3.client("cloudformation")
    pool = client.create_user_pool(PoolName="people", UsernameAttributes=["email"])["UserPool"]["Id"]
    for group in ("leads", "labelers"):
        client.create_group(UserPoolId=pool, GroupName=group)
    outputs = {name: {"Value": pool if name == "PortalUserPoolId" else "x"} for name in OUTPUT_NAMES.values()}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    formation.create_stack(StackName="with-portal", TemplateBody=json.dumps(template))
    del outputs["PortalUserPoolId"]
    formation.create_stack(StackName="without", TemplateBody=json.dumps(template))
    yield pool, client
    for name in ("with-portal", "without"):
        formation.delete_stack(StackName=name)
    client.delete_user_pool(UserPoolId=pool)


def groups(pool: Any, email: str) -> set[str]:
    listed = pool[1].admin_list_groups_for_user(UserPoolId=pool[0], Username=email)["Groups"]
    return {group["GroupName"] for group in listed}


def test_a_lead_and_a_labeler_are_invited(pool: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert invite_person.main(["lea@example.com", "--lead", "--stack-name", "with-portal"]) == 0
    assert invite_person.main(["ada@example.com", "--stack-name", "with-portal"]) == 0
    assert groups(pool, "lea@example.com") == {"leads"}
    assert groups(pool, "ada@example.com") == {"labelers"}
    assert "invited lea@example.com as a lead" in capsys.readouterr().out


def test_a_stack_without_a_portal_is_refused(pool: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert invite_person.main(["ada@example.com", "--stack-name", "without"]) == 1
    assert "Portal=yes" in capsys.readouterr().err
    assert pool[1].list_users(UserPoolId=pool[0])["Users"] == []


def test_what_is_no_address_is_refused(pool: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert invite_person.main(["ada", "--stack-name", "with-portal"]) == 2
    assert "e-mail address" in capsys.readouterr().err
