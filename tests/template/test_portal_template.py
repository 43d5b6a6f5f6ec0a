"""The portal's part of the template: what the emulator cannot run is held here to what AWS documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from test_template import content_policy, listed, of_type, references, resources, statements, template

from truepoint.task_queue.queue import LEASE_SECONDS
from truepoint.web.sessions import SESSION_SECONDS
from truepoint.web.settings import PortalSettings, parse_settings
from truepoint.web.sign_in import HOME, SIGNED_IN

__all__ = ["resources", "template"]  # the fixtures

DISTRIBUTION = {"Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"}


def only_with(condition: str, items: list[Any]) -> list[Any]:
    """The items of a list that are there under one condition."""
    found = [item["Fn::If"] for item in items if "Fn::If" in item]
    return [there for name, there, _ in found if name == condition]


def behaviors(resources: dict[str, Any]) -> dict[str, Any]:
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    return {behavior["PathPattern"]: behavior for behavior in only_with("HasPortal", config["CacheBehaviors"])}


def test_nothing_of_the_portal_is_there_unless_it_is_asked_for(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    assert template["Parameters"]["Portal"]["Default"] == "no"
    assert template["Conditions"]["HasPortal"] == {"Fn::Equals": [{"Ref": "Portal"}, "yes"]}
    portal = {name for name in resources if name.startswith("Portal")}
    assert len(portal) >= 17
    assert {resources[name].get("Condition") for name in portal} == {"HasPortal", "HasPortalOidc"}
    for name, resource in resources.items():
        if name not in portal:
            assert not references(without_conditions(resource)) & portal, name
    for name, output in template["Outputs"].items():
        assert ("Condition" in output) == name.startswith("Portal")


def without_conditions(value: Any) -> Any:
    """A part of the template without what is only there with the portal."""
    if isinstance(value, dict):
        if "Fn::If" in value:
            name, there, otherwise = value["Fn::If"]
            return without_conditions([otherwise] if name.startswith("HasPortal") else [there, otherwise])
        return {key: without_conditions(inner) for key, inner in value.items()}
    return [without_conditions(inner) for inner in value] if isinstance(value, list) else value


def test_only_the_distribution_reaches_the_function_and_only_by_its_url(resources: dict[str, Any]) -> None:
    """Lambda Developer Guide, "Control access to Lambda function URLs": both rights are needed since October 2025."""
    url = resources["PortalFunctionUrl"]
    assert url["Properties"]["AuthType"] == "AWS_IAM"
    assert "Cors" not in url["Properties"]
    assert url["Condition"] == "HasPortal"
    found = {
        p["Action"]: p
        for p in of_type(resources, "AWS::Lambda::Permission").values()
        if p["FunctionName"] == {"Ref": "PortalFunction"}
    }
    assert set(found) == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    for permission in found.values():
        assert permission["Principal"] == "cloudfront.amazonaws.com"
        assert permission["SourceArn"] == DISTRIBUTION
    assert found["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "AWS_IAM"
    assert found["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True


def test_requests_reach_the_function_signed_whole_and_never_cached(resources: dict[str, Any]) -> None:
    """CloudFront Developer Guide, "Restrict access to an AWS Lambda function URL origin"; ids of managed policies."""
    control = resources["PortalOriginAccessControl"]["Properties"]["OriginAccessControlConfig"]
    assert control["OriginAccessControlOriginType"] == "lambda"
    assert (control["SigningBehavior"], control["SigningProtocol"]) == ("always", "sigv4")
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    page, api = only_with("HasPortal", config["Origins"])
    assert api["OriginAccessControlId"] == {"Ref": "PortalOriginAccessControl"}
    assert api["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert api["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]
    assert api["DomainName"] == {
        "Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": ["PortalFunctionUrl", "FunctionUrl"]}]}]
    }
    assert api["CustomOriginConfig"]["OriginReadTimeout"] >= resources["PortalFunction"]["Properties"]["Timeout"]
    assert (page["OriginPath"], page["OriginAccessControlId"]) == ("/ui", {"Ref": "OriginAccessControl"})
    behavior = behaviors(resources)["api/*"]
    assert behavior["TargetOriginId"] == api["Id"]
    assert behavior["ViewerProtocolPolicy"] == "https-only"
    assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
    assert behavior["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
    assert {"GET", "HEAD", "POST", "PUT"} <= set(behavior["AllowedMethods"])


def test_nobody_gets_the_error_of_somebody_else(resources: dict[str, Any]) -> None:
    """CloudFront Developer Guide, "Control how long CloudFront caches errors": ten seconds, if nothing is said."""
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    name, errors, _ = config["CustomErrorResponses"]["Fn::If"]
    assert name == "HasPortal"
    cached = {error["ErrorCode"] for error in errors}
    # What the function and its URL answer; of these, 401, 409, 413 and 429 are never cached ("How CloudFront processes
    # HTTP 4xx and 5xx status codes from your origin").
    assert {400, 403, 404, 405, 500, 502, 503, 504} == cached
    assert [set(error) for error in errors] == [{"ErrorCode", "ErrorCachingMinTTL"}] * len(errors)
    assert {error["ErrorCachingMinTTL"] for error in errors} == {0}


def test_the_page_is_read_only_and_what_people_type_leads_to_it(resources: dict[str, Any]) -> None:
    found = behaviors(resources)
    assert list(found) == ["/", "portal", "portal/", "portal/*", "api/*"]  # the first that fits counts
    for pattern in ("/", "portal", "portal/", "portal/*"):
        assert found[pattern]["AllowedMethods"] == ["GET", "HEAD"]
        assert found[pattern]["ResponseHeadersPolicyId"] == {"Ref": "PortalHeadersPolicy"}
        assert ("FunctionAssociations" in found[pattern]) == (pattern != "portal/*")
    function = resources["PortalRedirect"]["Properties"]
    assert function["AutoPublish"] is True
    assert f'location: {{ value: "{HOME}" }}' in function["FunctionCode"]


def test_the_page_may_run_its_own_scripts_only(resources: dict[str, Any]) -> None:
    config = resources["PortalHeadersPolicy"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    config["ContentSecurityPolicy"]["ContentSecurityPolicy"] = config["ContentSecurityPolicy"]["ContentSecurityPolicy"][
        "Fn::Sub"
    ]
    links = "https://s3.${AWS::Region}.amazonaws.com"
    assert content_policy(resources, "PortalHeadersPolicy") == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:", links],
        "connect-src": ["'self'", links],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    script = resources["ResponseHeadersPolicy"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    for name in ("ContentTypeOptions", "FrameOptions", "ReferrerPolicy", "StrictTransportSecurity"):
        assert config[name] == script[name]


def test_people_and_the_table_outlive_the_stack(resources: dict[str, Any]) -> None:
    for name in ("PortalUserPool", "PortalTable", "PortalLeads", "PortalLabelers"):
        assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"
    table = resources["PortalTable"]["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert "TableName" not in table  # a retained table would keep the name from the next stack


def test_only_invited_people_sign_in_with_a_code_and_no_secret(resources: dict[str, Any]) -> None:
    pool, client = resources["PortalUserPool"]["Properties"], resources["PortalClient"]["Properties"]
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["MfaConfiguration"] == {"Ref": "PortalMfa"}
    assert pool["EnabledMfas"] == {"Fn::If": ["HasPortalMfa", ["SOFTWARE_TOKEN_MFA"], {"Ref": "AWS::NoValue"}]}
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["AllowedOAuthScopes"] == ["openid", "email", "profile"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert not any("PASSWORD" in flow for flow in client["ExplicitAuthFlows"])
    assert [address(url, Domain="portal.example") for url in client["CallbackURLs"]] == [
        f"https://portal.example{SIGNED_IN}"
    ]
    assert [address(url, Domain="portal.example") for url in client["LogoutURLs"]] == [f"https://portal.example{HOME}"]
    invitation = pool["AdminCreateUserConfig"]["InviteMessageTemplate"]["EmailMessage"]
    text = address(invitation, Domain="portal.example")
    assert {"{username}", "{####}", f"https://portal.example{HOME}"} <= set(
        re.split(r"[\s<]", text.replace("{####} ", "{####}\n"))
    )


def test_a_companys_provider_replaces_accounts_of_our_own(resources: dict[str, Any]) -> None:
    company = resources["PortalCompany"]
    assert company["Condition"] == "HasPortalOidc"
    assert company["Properties"]["ProviderDetails"]["oidc_issuer"] == {"Ref": "PortalOidcIssuer"}
    providers = resources["PortalClient"]["Properties"]["SupportedIdentityProviders"]
    assert providers == {"Fn::If": ["HasPortalOidc", [{"Ref": "PortalCompany"}], ["COGNITO"]]}


@pytest.mark.parametrize(
    ("name", "secret"), [("PortalOidcClientSecret", True), ("PortalOidcClientId", False), ("Portal", False)]
)
def test_secrets_are_not_echoed(template: dict[str, Any], name: str, secret: bool) -> None:
    assert template["Parameters"][name].get("NoEcho", False) is secret


def test_a_domain_of_ones_own_needs_its_certificate_and_modern_tls(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    assert config["Aliases"] == {"Fn::If": ["HasPortalDomain", [{"Ref": "PortalDomainName"}], {"Ref": "AWS::NoValue"}]}
    name, certificate, _ = config["ViewerCertificate"]["Fn::If"]
    assert name == "HasPortalDomain"
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert len(template["Conditions"]["HasPortalDomain"]["Fn::And"]) == 3
    pattern = template["Parameters"]["PortalCertificateArn"]["AllowedPattern"]
    assert re.fullmatch(pattern, "arn:aws:acm:us-east-1:123456789012:certificate/1")
    assert not re.fullmatch(pattern, "arn:aws:acm:eu-west-1:123456789012:certificate/1")


NAMES = {
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "truepoint",
    "PortalUserPool": "eu-west-1_Example",
    "PortalClient": "client",
    "PortalSignInPages": "truepoint-1",
    "Pool": "eu-west-1_Example",
}


def address(value: Any, **names: str) -> str:
    """What Fn::Sub makes of a text."""
    text = listed(value["Fn::Sub"])[0]
    return re.sub(r"\$\{([\w:]+)\}", lambda match: (NAMES | names)[match[1]], text)


def settings(resources: dict[str, Any]) -> PortalSettings:
    return parse_settings(address(resources["PortalSettings"]["Properties"]["Value"], Domain="d1.cloudfront.net"))


def test_the_function_understands_the_settings(resources: dict[str, Any]) -> None:
    """Cognito Developer Guide, "User pool endpoints and managed login reference"."""
    found = settings(resources)
    assert (found.origin, found.secure, found.user_pool) == ("https://d1.cloudfront.net", True, "eu-west-1_Example")
    assert found.provider.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example"
    assert found.provider.keys_url == f"{found.provider.issuer}/.well-known/jwks.json"
    pages = "https://truepoint-1.auth.eu-west-1.amazoncognito.com"
    urls = (found.provider.authorize_url, found.provider.token_url, found.provider.logout_url)
    assert urls == (f"{pages}/oauth2/authorize", f"{pages}/oauth2/token", f"{pages}/logout")
    assert resources["PortalLeads"]["Properties"]["GroupName"] == found.provider.leads


def test_the_function_is_told_where_its_settings_are_and_no_cycle_arises(resources: dict[str, Any]) -> None:
    variables = resources["PortalFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["PORTAL_SETTINGS"] == resources["PortalSettings"]["Properties"]["Name"]
    needed = {name: references(resource) & set(resources) for name, resource in resources.items()}
    done: set[str] = set()
    while left := [name for name in resources if name not in done and needed[name] <= done | {name}]:
        done |= set(left)
    assert done == set(resources)


def test_the_portal_can_delete_nothing_and_read_no_secret(resources: dict[str, Any]) -> None:
    """Rows of the queue are deleted; objects, users and results are not."""
    roles = [resources[name]["Properties"] for name in ("PortalRole", "PortalInvitationsPolicy")]
    allowed = {action for role in roles for statement in statements(role) for action in listed(statement["Action"])}
    assert {action for action in allowed if "Delete" in action} == {"dynamodb:DeleteItem"}
    assert not any(action.startswith(("secretsmanager:", "iam:", "kms:", "sts:")) for action in allowed)
    assert not {"dynamodb:Scan", "s3:PutObjectAcl", "cognito-idp:AdminSetUserPassword"} & allowed


def test_a_session_outlives_a_lease() -> None:
    assert SESSION_SECONDS > LEASE_SECONDS


def test_the_settings_hold_no_secret(resources: dict[str, Any]) -> None:
    text = json.dumps(resources["PortalSettings"])
    assert "Secret" not in text
    assert len(address(resources["PortalSettings"]["Properties"]["Value"], Domain="d" * 253)) < 4096  # standard tier


def test_the_docs_name_every_parameter(template: dict[str, Any]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    for name in template["Parameters"]:
        if name.startswith("Portal"):
            assert f"`{name}`" in page, name
