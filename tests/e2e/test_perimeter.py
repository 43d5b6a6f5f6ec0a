"""What must not be possible: reading past `ui/` or writing, doing more than the job execution role is for."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from loop import Loop

from truepoint.emulator.emulator_gate import TOKEN_HEADER

S3 = Config(signature_version="s3v4", s3={"addressing_style": "path"})


def status(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def viewer_request(loop: Loop, path: str, method: str = "GET", scheme: str = "https") -> urllib.request.Request:
    headers = {
        "Host": loop.stack.script_url.split("/")[2],
        "X-Forwarded-Proto": scheme,
        TOKEN_HEADER: loop.emulator.secrets.token,
    }
    return urllib.request.Request(f"{loop.emulator.endpoint}{path}", headers=headers, method=method)


def through_distribution(loop: Loop, path: str, method: str = "GET", scheme: str = "https") -> tuple[int, bytes]:
    return status(viewer_request(loop, path, method, scheme))


def element_path(loop: Loop) -> str:
    return "/" + loop.stack.script_url.split("/", 3)[3]


def test_the_element_comes_through_the_distribution_with_its_digest(loop: Loop) -> None:
    code, body = through_distribution(loop, element_path(loop))
    assert code == 200
    assert loop.stack.script_integrity == f"sha384-{base64.b64encode(hashlib.sha384(body).digest()).decode()}"
    assert through_distribution(loop, element_path(loop), scheme="http")[0] == 403


def test_the_creator_comes_with_the_rights_of_a_page_and_the_element_with_none(loop: Loop) -> None:
    page = "/" + loop.stack.creator_url.split("/", 3)[3]
    script = page.rsplit("/", 1)[0] + "/skeleton-creator.js"
    policies = {}
    for path in (page, script, element_path(loop)):
        with urllib.request.urlopen(viewer_request(loop, path)) as response:
            policies[path] = response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["X-Frame-Options"] == "DENY"
            content = response.read()
        if path == script:
            integrity = f"sha384-{base64.b64encode(hashlib.sha384(content).digest()).decode()}"
            assert f'integrity="{integrity}"'.encode() in through_distribution(loop, page)[1]
    assert policies[element_path(loop)] == "default-src 'none'; frame-ancestors 'none'"
    assert policies[page] == policies[script]
    assert "script-src 'self'; img-src blob:" in policies[page]
    assert "frame-ancestors 'none'" in policies[page]


@pytest.mark.parametrize("key", ["jobs/x/images/a.png", "output/x/a.json", "results/x/results.json", "tmp/a", "a"])
def test_nothing_else_does(loop: Loop, key: str) -> None:
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=key, Body=b"private")
    for path in (f"/{key}", f"/ui/../{key}", f"/ui/%2e%2e/{key}", f"//{key}"):
        code, body = through_distribution(loop, path)
        assert code in (400, 403, 404)
        assert b"private" not in body


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_nobody_writes_through_the_distribution(loop: Loop, method: str) -> None:
    assert through_distribution(loop, element_path(loop), method)[0] == 403


def test_the_bucket_answers_nobody_without_a_signature(loop: Loop) -> None:
    loop.s3.put_object(Bucket=loop.stack.bucket, Key="jobs/x/a", Body=b"private")
    url = f"{loop.emulator.endpoint}/{loop.stack.bucket}/jobs/x/a"
    assert status(urllib.request.Request(url))[0] == 403

    s3 = loop.execution_role().client("s3", endpoint_url=loop.emulator.endpoint, config=S3)
    link = s3.generate_presigned_url("get_object", Params={"Bucket": loop.stack.bucket, "Key": "jobs/x/a"})
    assert status(urllib.request.Request(link)) == (200, b"private")
    assert status(urllib.request.Request(link.replace("/jobs/x/a", "/jobs/x/b")))[0] == 403


def test_nothing_is_read_over_plain_http(loop: Loop) -> None:
    loop.s3.put_object(Bucket=loop.stack.bucket, Key="jobs/x/a", Body=b"private")
    sts = loop.client("sts")
    role = sts.assume_role(RoleArn=loop.stack.execution_role_arn, RoleSessionName="plain")["Credentials"]
    plain = boto3.client(
        "s3",
        endpoint_url=loop.emulator.endpoint,
        region_name=loop.stack.region,
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    assert plain.get_object(Bucket=loop.stack.bucket, Key="jobs/x/a")["Body"].read() == b"private"

    def by_http(request: AWSRequest, **_: object) -> None:
        request.headers["X-Forwarded-Proto"] = "http"

    plain.meta.events.register("before-sign.s3", by_http)
    with pytest.raises(ClientError, match="AccessDenied"):
        plain.get_object(Bucket=loop.stack.bucket, Key="jobs/x/a")


def test_the_execution_role_can_do_its_work_and_no_more(loop: Loop) -> None:
    role, bucket = loop.execution_role(), loop.stack.bucket
    s3, functions = (role.client(name, endpoint_url=loop.emulator.endpoint) for name in ("s3", "lambda"))
    s3.put_object(Bucket=bucket, Key="output/x/a", Body=b"")
    for forbidden in ("jobs/x/images/a.png", "jobs/x/input.manifest", "results/x/results.json", "ui/x.js", "tmp/a"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=forbidden, Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=bucket, Key="ui/x.js")
    with pytest.raises(ClientError, match="AccessDenied"):
        functions.invoke(FunctionName=loop.stack.job_completion_arn, Payload=b"{}")


@pytest.mark.parametrize(
    "path",
    ["../_ministack/ready", "%2e%2e/_ministack/ready", "..%2f_ministack/ready", "x/../../jobs/x/a", "/jobs/x/a", ".x"],
)
def test_only_files_of_the_element_are_passed_on(loop: Loop, portal: str, path: str) -> None:
    loop.s3.put_object(Bucket=loop.stack.bucket, Key="jobs/x/a", Body=b"private")
    assert status(urllib.request.Request(f"{portal}{element_path(loop)}"))[0] == 200
    command = ["curl", "-s", "-w", "%{http_code}", "--path-as-is", f"{portal}/ui/{path}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said[-3:] in ("403", "404")
    assert "private" not in said
