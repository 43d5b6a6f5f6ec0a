"""The labeller's guide as a page, under the headers that CloudFront sends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from driver import ROOT
from playwright.sync_api import Browser, Page
from samcli.yamlhelper import yaml_parse

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()


def policy() -> str:
    template = yaml_parse((ROOT / "template.yaml").read_text())
    headers = template["Resources"]["GuideHeadersPolicy"]["Properties"]["ResponseHeadersPolicyConfig"]
    return str(headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"])


@pytest.fixture(params=[(320, "light"), (320, "dark"), (1280, "light")], ids=lambda shown: f"{shown[0]}-{shown[1]}")
def page(browser: Browser, bundle: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    assert bundle  # the build makes the guide too
    guide = (ROOT / "src/ui/dist/labeler-guide.html").read_bytes()
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 640}, color_scheme=scheme)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    headers = {"content-type": "text/html; charset=UTF-8", "content-security-policy": policy()}
    page.route("**/*", lambda route: route.fulfill(body=guide, headers=headers))
    page.goto("https://guide.example/ui/guide/ab/labeler-guide.html")
    yield page
    assert problems == []
    context.close()


def test_the_guide_is_accessible(page: Page) -> None:
    assert page.locator("img").evaluate_all("(all) => all.every((image) => image.naturalWidth > 300)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Before you submit").press("Enter")
    assert page.locator("#before-you-submit").is_visible()
    page.evaluate(AXE)
    problems = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in problems] == []
