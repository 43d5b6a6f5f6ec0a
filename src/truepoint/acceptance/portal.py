"""Checks of the deployed portal: what AWS does between a browser and the portal's function, and who may sign in.

Each check makes the requests that a browser makes. The emulator's CloudFront does not sign requests, so there a proxy
takes its place, and the checks then prove only that the checks themselves work.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

import urllib3

from truepoint.acceptance.report import NotTriedError, Report, expect, only_on_aws
from truepoint.jobs.stack import StackOutputs
from truepoint.task_queue import rows

if TYPE_CHECKING:
    from boto3 import Session
    from urllib3 import BaseHTTPResponse

DOCUMENTATION = "https://docs.aws.amazon.com/"
HASH_HEADER = "x-amz-content-sha256"
HTTP_SECONDS = 40
"""Timeout of a request, in seconds: more than CloudFront gives the function."""
LOAD_SECONDS = 180
"""Maximum time until a new job is in the portal, in seconds. The function that loads jobs runs once a minute."""
LOOK_SECONDS = 2.0
"""Interval between polls, in seconds."""
LARGEST_ANSWER = 3_990_000
"""Size of a body that the portal accepts, in bytes."""
TOO_LARGE = 4_500_000
"""Size of a body that reaches the function, which refuses it, in bytes. Lambda accepts events of 6 MB."""
EMAIL = "acceptance@example.com"
"""User name of the labeller. No message is sent to this address."""


class Portal:
    """The deployed portal as a browser reaches it.

    Args:
        session: the account's credentials.
        stack: the stack.
        origin: the portal's own origin; empty for that of the stack.
    """

    def __init__(self, session: Session, stack: StackOutputs, origin: str = "") -> None:
        parts = urlsplit(stack.portal_url)
        self.origin = origin or f"{parts.scheme}://{parts.netloc}"
        self.stack = stack
        self.session = session
        self._http = urllib3.PoolManager(timeout=HTTP_SECONDS, retries=False)

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> BaseHTTPResponse:
        """Make a request to a path of the portal or to a URL, and return the response without following it."""
        url = target if target.startswith("http") else self.origin + target
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, url, body=body or None, headers=given, redirect=False)

    def post(self, path: str, body: bytes) -> BaseHTTPResponse:
        """Make a POST as the portal's page does: with its origin and the SHA-256 of the body."""
        digest = hashlib.sha256(body).hexdigest()
        headers = {"origin": self.origin, "content-type": "application/json", HASH_HEADER: digest}
        return self.send("POST", path, body, **headers)

    def row(self, key: rows.Key) -> dict[str, Any]:
        """Return a row of the portal's table, in DynamoDB's format; empty if it does not exist."""
        table = self.session.client("dynamodb")
        answer = table.get_item(
            TableName=self.stack.portal_table, Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}}, ConsistentRead=True
        )
        return dict(answer.get("Item", {}))


def page(portal: Portal) -> str:
    """Check that the portal's address leads to its page, whose content policy allows no inline script."""
    moved = portal.send("GET", "/").headers.get("location")
    expect(moved == "/portal/index.html", f"/ leads to {moved}")
    answer = portal.send("GET", "/portal/index.html")
    policy = answer.headers.get("content-security-policy", "")
    expect(answer.status == 200 and "script-src 'self'" in policy, f"status {answer.status}, policy {policy!r}")
    expect("unsafe" not in policy, policy)
    return "200 with its content policy"


def signed_get(portal: Portal) -> str:
    """Check that a request without a session reaches the function through CloudFront, which answers 401."""
    return _from_the_function(portal.send("GET", "/api/me"), 401, "signed-out")


def body_hash(portal: Portal) -> str:
    """Check that a POST arrives with the SHA-256 of its body, and does not without it, as from a plain form."""
    answer = portal.post("/api/sign-out", b"{}")
    expect(answer.status == 200, f"with the hash: {answer.status} {answer.data[:200]!r}")
    form = portal.send("POST", "/api/sign-out", b"a=b", content_type="application/x-www-form-urlencoded")
    expect(form.status == 403, f"a plain form: {form.status} {form.data[:200]!r}")
    return "200 with the hash; 403 without"


def permissions(portal: Portal) -> str:
    """Check that exactly one distribution may invoke the function, with both permissions."""
    answer = portal.session.client("lambda").get_policy(FunctionName=portal.stack.portal_function_arn)
    statements = json.loads(answer["Policy"])["Statement"]
    granted = {}
    for statement in statements:
        source = next(iter(statement.get("Condition", {}).get("ArnLike", {}).values()), None)
        granted[statement["Action"]] = (statement["Principal"].get("Service"), source)
    expect(set(granted) == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}, str(sorted(granted)))
    services = {service for service, _ in granted.values()}
    expect(services == {"cloudfront.amazonaws.com"}, str(services))
    sources = {source for _, source in granted.values()}
    one = len(sources) == 1 and ":distribution/" in str(*sources)
    expect(one, f"{len(sources)} sources, or one that is no distribution")
    return f"{len(granted)} permissions for one distribution"


def authorization_header(portal: Portal) -> str:
    """Check that an Authorization header of the viewer does not replace CloudFront's signature."""
    return _from_the_function(portal.send("GET", "/api/me", authorization="Bearer x"), 401, "signed-out")


def unsigned(portal: Portal) -> str:
    """Check that the function's own URL refuses a request without a signature."""
    only_on_aws()
    url = portal.session.client("lambda").get_function_url_config(FunctionName=portal.stack.portal_function_arn)[
        "FunctionUrl"
    ]
    status = portal.send("GET", f"{url}api/me").status
    expect(status == 403, f"status {status}")
    return "403"


def nothing_cached(portal: Portal) -> str:
    """Check that queries and cookies reach the function, and that no response of it comes from a cache."""
    first, second = _begin(portal), _begin(portal)
    expect(first.state != second.state, "two sign-ins have the same state")
    target = f"/api/signed-in?error=access_denied&state={first.state}"
    without, with_cookie = portal.send("GET", target), portal.send("GET", target, cookie=first.cookie)
    deleted = with_cookie.headers.getlist("set-cookie")
    expect(not without.headers.getlist("set-cookie"), "the function saw a cookie that was not sent")
    expect(len(deleted) == 1 and "Max-Age=0" in deleted[0], f"the function did not see the cookie: {deleted}")
    return "two sign-ins differ; query and cookie arrive"


def several_cookies(portal: Portal) -> str:
    """Check that several cookies reach the function, and that several Set-Cookie headers reach the browser."""
    begun = [_begin(portal) for _ in range(4)]
    answer = portal.send("GET", "/api/sign-in", cookie="; ".join(one.cookie for one in begun))
    names = [header.partition("=")[0] for header in answer.headers.getlist("set-cookie")]
    expect(len(names) == 5 and len(set(names)) == 5, f"{len(names)} Set-Cookie headers")
    return "4 cookies sent; 5 Set-Cookie headers received"


def sizes(portal: Portal) -> str:
    """Check that the largest answer reaches the function, and that the function refuses a larger one."""
    largest = portal.post("/api/sign-out", b" " * LARGEST_ANSWER)
    expect(largest.status == 200, f"{LARGEST_ANSWER} bytes: {largest.status} {largest.data[:200]!r}")
    refused = _from_the_function(portal.post("/api/sign-out", b" " * TOO_LARGE), 413, "too-large")
    return f"{LARGEST_ANSWER} bytes: 200; {TOO_LARGE} bytes: {refused}"


def sign_in_page(portal: Portal) -> str:
    """Check that Cognito accepts the portal's request (client, address, PKCE) and shows its sign-in page."""
    location = _begin(portal).location
    query = parse_qs(urlsplit(location).query)
    expect(query.get("code_challenge_method") == ["S256"], f"query {sorted(query)}")
    for _ in range(5):
        answer = portal.send("GET", location)
        if answer.status not in (301, 302, 303, 307):
            break
        location = urljoin(location, answer.headers["location"])
    expect(
        answer.status == 200 and "error" not in urlsplit(location).path, f"{answer.status} at {urlsplit(location).path}"
    )
    return f"200 at {urlsplit(location).path}"


def email(_portal: Portal) -> str:
    """Report the limit of Cognito's own e-mail as not tried."""
    raise NotTriedError("it would need 50 messages")


class Behavior(NamedTuple):
    """A behaviour of AWS on which the portal depends, the page that documents it, and its check."""

    name: str
    page: str
    tried: Callable[[Portal], str]


BEHAVIORS = (
    Behavior(
        "CloudFront serves the page with the content policy of the distribution",
        "AmazonCloudFront/latest/DeveloperGuide/adding-response-headers.html",
        page,
    ),
    Behavior(
        "origin access control signs requests to a function URL of type AWS_IAM",
        "AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html",
        signed_get,
    ),
    Behavior(
        "a POST through it needs the body's SHA-256 in x-amz-content-sha256, so a plain form is refused",
        "AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html",
        body_hash,
    ),
    Behavior(
        "CloudFront needs lambda:InvokeFunctionUrl and lambda:InvokeFunction, both for this distribution only",
        "lambda/latest/dg/urls-auth.html",
        permissions,
    ),
    Behavior(
        'signing "always" overwrites the viewer\'s Authorization header, so sessions are cookies',
        "cloudfront/latest/APIReference/API_OriginAccessControlConfig.html",
        authorization_header,
    ),
    Behavior(
        "the function URL itself refuses unsigned requests with 403",
        "lambda/latest/dg/urls-auth.html",
        unsigned,
    ),
    Behavior(
        "the policies CachingDisabled and AllViewerExceptHostHeader cache nothing and pass on cookies and queries",
        "AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html",
        nothing_cached,
    ),
    Behavior(
        "the event has cookies in `cookies`, and several Set-Cookie headers reach the browser",
        "lambda/latest/dg/urls-invocation.html",
        several_cookies,
    ),
    Behavior(
        "an event has at most 6 MB, so the largest answer arrives, and the function refuses a larger one",
        "lambda/latest/dg/gettingstarted-limits.html",
        sizes,
    ),
    Behavior(
        "Cognito accepts the public client's request for a code with PKCE (S256), and shows its sign-in page",
        "cognito/latest/developerguide/using-pkce-in-authorization-code.html",
        sign_in_page,
    ),
    Behavior(
        "Cognito's own e-mail is limited to a number a day; more needs SES",
        "cognito-user-identity-pools/latest/APIReference/API_EmailConfigurationType.html",
        email,
    ),
)


def check_behaviors(report: Report, portal: Portal) -> None:
    """Make the checks that need no person."""
    for behavior in BEHAVIORS:
        report.check(f"portal: {behavior.name}", f"as {DOCUMENTATION}{behavior.page} says", behavior.tried, portal)


def loaded(portal: Portal, job: str) -> str:
    """Wait until the portal has a job."""
    began = time.monotonic()
    while not portal.row(rows.job_key(job)):
        expect(time.monotonic() - began < LOAD_SECONDS, f"it is not there after {LOAD_SECONDS} s")
        time.sleep(LOOK_SECONDS)
    return f"after {time.monotonic() - began:.0f} s"


@contextmanager
def labeller(portal: Portal) -> Iterator[str]:
    """Create a user who is a lead, yield the user's password, and delete the user."""
    users = portal.session.client("cognito-idp")
    pool = portal.stack.portal_user_pool
    attributes = {"email": EMAIL, "email_verified": "true", "name": "Acceptance"}
    users.admin_create_user(
        UserPoolId=pool,
        Username=EMAIL,
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
    )
    try:
        users.admin_add_user_to_group(UserPoolId=pool, Username=EMAIL, GroupName="leads")
        password = f"Aa1{secrets.token_hex(8)}"
        users.admin_set_user_password(UserPoolId=pool, Username=EMAIL, Password=password, Permanent=True)
        yield password
    finally:
        users.admin_delete_user(UserPoolId=pool, Username=EMAIL)


def signed_in(portal: Portal) -> str:
    """Check the row that the function writes at a sign-in: the id token named the person and the group."""
    answer = portal.session.client("dynamodb").query(
        TableName=portal.stack.portal_table,
        KeyConditionExpression="pk = :people",
        ExpressionAttributeValues={":people": {"S": rows.PEOPLE}},
    )
    people = [(row["email"]["S"], row["lead"]["BOOL"]) for row in answer["Items"]]
    expect(people == [(EMAIL, True)], f"{len(people)} people, leads: {[lead for _, lead in people]}")
    return "one person, in the group of leads"


def remove(portal: Portal) -> str:
    """Delete the table and the user pool, which outlive the stack."""
    table, users = portal.session.client("dynamodb"), portal.session.client("cognito-idp")
    with suppress(table.exceptions.ResourceNotFoundException):
        table.delete_table(TableName=portal.stack.portal_table)
    with suppress(users.exceptions.ResourceNotFoundException):
        users.delete_user_pool(UserPoolId=portal.stack.portal_user_pool)
    table.get_waiter("table_not_exists").wait(TableName=portal.stack.portal_table)
    return "table and user pool are gone"


class _Begun(NamedTuple):
    """A sign-in that was begun: where it leads, its state, and its cookie."""

    location: str
    state: str
    cookie: str


def _begin(portal: Portal) -> _Begun:
    answer = portal.send("GET", "/api/sign-in?return=/portal/index.html")
    expect(answer.status == 302, f"/api/sign-in: {answer.status} {answer.data[:200]!r}")
    location = answer.headers["location"]
    [state] = parse_qs(urlsplit(location).query)["state"]
    [cookie] = answer.headers.getlist("set-cookie")
    return _Begun(location, state, cookie.partition(";")[0])


def _from_the_function(answer: BaseHTTPResponse, status: int, code: str) -> str:
    """Check that a response is the function's own, not one of CloudFront or Lambda."""
    got = f"{answer.status} {answer.data[:200]!r}"
    expect(answer.status == status and answer.headers.get("content-type") == "application/json", got)
    expect(json.loads(answer.data).get("error", {}).get("code") == code, got)
    return f"{status}, from the function"
