"""The portal that is deployed in the emulator: its address, its users, its ticks and its rows of jobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from truepoint.emulator.emulator import HOST, Emulator
from truepoint.emulator.local_stack import function_log
from truepoint.jobs.stack import DEFAULT_STACK_NAME
from truepoint.task_queue import rows
from truepoint.web.sign_in import HOME, SIGNED_IN

TOKEN_PATH = "/oauth2/token"  # noqa: S105 (a path)
"""Path of Cognito's token endpoint. The portal's function calls it without an Origin header; the authorization code and
the verifier of PKCE authenticate the call."""
CORRECTION_SECONDS = 30
"""Time in which answers can be corrected in the demo, in seconds, so that results come soon."""
PARAMETERS = {"Portal": "yes", "PortalCorrectionSeconds": str(CORRECTION_SECONDS)}
"""The stack's parameters in the demo."""
TICK_SECONDS = 5.0
"""Time between two ticks, in seconds. On AWS it is a minute."""
TICK_CONFIG = Config(read_timeout=900, retries={"total_max_attempts": 1})
"""A tick may take as long as its function may run. There are no retries: a second call would find the jobs leased by
the first."""
FEWEST_WORKERS = 2
"""Minimum number of workers among the demo's users, so that a visitor can see two people share a job."""


class TickError(RuntimeError):
    """A tick that failed as a whole. The message ends with the function's log."""


class DemoUser(NamedTuple):
    """Somebody who can sign in by one click."""

    name: str
    email: str
    group: str


LEAD = DemoUser("Lea (lead)", "lea@example.com", "leads")
WORKERS = tuple(
    DemoUser(name, f"{name.lower()}@example.com", "labelers")
    for name in ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gita", "Hugo", "Ida")
)


def demo_users(workers: int = FEWEST_WORKERS) -> tuple[DemoUser, ...]:
    """Return a lead, and enough workers for jobs in which `workers` people (1 to 9) label each image."""
    return (LEAD, *WORKERS[: max(FEWEST_WORKERS, workers)])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedPortal:
    """The names of a portal that is deployed in the emulator."""

    domain: str
    function_url_id: str
    user_pool: str
    client_id: str


def connect(emulator: Emulator, port: int, stack_name: str = DEFAULT_STACK_NAME) -> DeployedPortal:
    """Tell a deployed portal that its address is this port of loopback, and that people sign in there.

    Raises:
        LookupError: the stack has no portal.
    """
    session: Any = emulator.session()

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=emulator.endpoint)

    stack = client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
    if "PortalUserPoolId" not in outputs:
        raise LookupError(f"expected the stack {stack_name} to have a portal (Portal=yes), it has none")
    pool, function = outputs["PortalUserPoolId"], outputs["PortalFunctionArn"]
    origin = f"http://{HOST}:{port}"
    cognito = client("cognito-idp")
    [listed] = cognito.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"]
    described = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=listed["ClientId"])["UserPoolClient"]
    # An update replaces all settings, and rejects the empty ones that the emulator lists.
    kept = {name: value for name, value in described.items() if value and not name.endswith("Date")}
    kept |= {"CallbackURLs": [origin + SIGNED_IN], "LogoutURLs": [origin + HOME]}
    cognito.update_user_pool_client(**kept)
    functions = client("lambda")
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    ssm = client("ssm")
    settings = json.loads(ssm.get_parameter(Name=variables["PORTAL_SETTINGS"])["Parameter"]["Value"])
    settings["origin"] = origin
    settings["provider"] |= {
        "authorize_url": f"{origin}/oauth2/authorize",
        "token_url": origin + TOKEN_PATH,
        "logout_url": f"{origin}/logout",
        "keys_url": f"{origin}/{pool}/.well-known/jwks.json",
    }
    ssm.put_parameter(Name=variables["PORTAL_SETTINGS"], Value=json.dumps(settings), Type="String", Overwrite=True)
    url = functions.get_function_url_config(FunctionName=function)["FunctionUrl"]
    return DeployedPortal(
        domain=outputs["DistributionDomainName"],
        function_url_id=(urlsplit(url).hostname or "").partition(".")[0],
        user_pool=pool,
        client_id=listed["ClientId"],
    )


def add_users(emulator: Emulator, portal: DeployedPortal, users: Sequence[DemoUser]) -> None:
    """Create the demo's users that do not exist yet in the emulated user pool."""
    cognito = emulator.session().client("cognito-idp", endpoint_url=emulator.endpoint)
    for user in users:
        attributes = {"email": user.email, "email_verified": "true", "name": user.name}
        try:
            cognito.admin_create_user(
                UserPoolId=portal.user_pool,
                Username=user.email,
                MessageAction="SUPPRESS",
                UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
            )
        except cognito.exceptions.UsernameExistsException:
            continue
        cognito.admin_add_user_to_group(UserPoolId=portal.user_pool, Username=user.email, GroupName=user.group)


class Ticks:
    """Calls the function that advances the portal's jobs. On AWS a schedule calls it each minute.

    A context manager: a thread calls it every few seconds until it is left, so that nobody waits a minute for a result.

    Args:
        emulator: the emulator, in which a stack with the portal is deployed.
        function: the function's ARN.
    """

    def __init__(self, emulator: Emulator, function: str) -> None:
        session: Any = emulator.session()
        self.function = function
        self._emulator = emulator
        self._lambda = session.client("lambda", endpoint_url=emulator.endpoint, config=TICK_CONFIG)
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticks", daemon=True)

    def once(self) -> dict[str, Any]:
        """Call it once, wait for it, and return what it did by job. It also loads new jobs into the table.

        Raises:
            TickError: the function failed.
        """
        answer = self._lambda.invoke(FunctionName=self.function, Payload=b"{}")
        text = answer["Payload"].read()
        if "FunctionError" in answer:
            log = function_log(self._emulator, self.function)
            raise TickError(f"The function that brings jobs forward failed. Its log ends with:\n{log}")
        return dict(json.loads(text)["moved"])

    def __enter__(self) -> Ticks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._leaving.wait(TICK_SECONDS):
            with suppress(ClientError, BotoCoreError, TickError):  # the next call finds what this one would have found
                self.once()


def forget_jobs(emulator: Emulator, table: str, names: Iterable[str] | None = None) -> None:
    """Delete the rows of jobs from the portal's table. The next tick makes those of open jobs again from the bucket.

    The portal must not be served meanwhile. Nothing is lost but leases and failures (decision 30).

    Args:
        emulator: the emulator.
        table: the table's name.
        names: names of jobs; None for all.
    """
    wanted = None if names is None else {name.lower() for name in names}
    resource: Any = emulator.session().resource("dynamodb", endpoint_url=emulator.endpoint)
    stored = resource.Table(table)
    scanned = {"ProjectionExpression": "pk, sk", "ConsistentRead": True}
    answer = stored.scan(**scanned)
    keys = [*answer["Items"]]
    while "LastEvaluatedKey" in answer:
        answer = stored.scan(ExclusiveStartKey=answer["LastEvaluatedKey"], **scanned)
        keys += answer["Items"]
    with stored.batch_writer() as batch:
        for key in keys:
            job = rows.job_of(key["pk"], key["sk"])
            if job and (wanted is None or job in wanted):
                batch.delete_item(Key=key)
