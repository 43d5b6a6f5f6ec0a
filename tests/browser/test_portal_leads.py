"""The portal's pages for leads, in Chromium, over the application's own code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from driver import ROOT
from labeling_site import PEOPLE, PortalSite
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from truepoint.task_queue import rows

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
IMAGES = sorted((ROOT / "examples/person").glob("person-*"))
JOB = "People-1"
expect.set_options(timeout=15_000)


@pytest.fixture
def site(make_site: Callable[[], PortalSite]) -> PortalSite:
    """A portal with a job that Ada and Bea work on."""
    site = make_site()
    site.add_job(JOB, IMAGES[:4], workers=2)
    site.change_worker(JOB, "Ada", answers=3, seconds=90.0, skips=1, gold_answers=2, gold_sum=1.8, last=site.now() - 60)
    site.change_worker(JOB, "Bea", answers=1, seconds=70.0, last=site.now() - 100_000)
    site.add_skip(JOB, 2, "Ada", "unusable", "<b>dark</b>")
    return site


def sign_in(context: BrowserContext, site: PortalSite, who: str) -> Page:
    context.add_cookies(
        [{"name": site.cookies.name("session"), "value": site.cookie(who), "url": site.origin, "httpOnly": True}]
    )
    return context.new_page()


def go(page: Page, site: PortalSite, fragment: str) -> None:
    page.goto(f"{site.origin}/portal/index.html{fragment}")


@pytest.fixture
def lead(context: BrowserContext, site: PortalSite) -> Iterator[Page]:
    context.set_default_timeout(15_000)
    page = sign_in(context, site, "Lea")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    go(page, site, "#/lead")
    yield page
    assert faults == []
    assert site.reports == []


def row(page: Page, table: str, name: str) -> Any:
    return page.get_by_role("region", name=table).get_by_role("row").filter(has_text=name)


def open_job(page: Page) -> None:
    page.get_by_role("link", name="Label people").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Label people")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def hold(page: Page, pattern: str) -> list[Route]:
    """Hold back requests until the test continues them."""
    held: list[Route] = []
    page.route(pattern, lambda route: held.append(route))  # noqa: PLW0108 - Playwright sets attributes of it
    return held


def test_a_lead_sees_jobs_and_who_works_how(lead: Page, site: PortalSite) -> None:
    expect(lead.locator("li.card")).to_contain_text("2 of 4 images complete (50%)")
    open_job(lead)
    stats = lead.locator(".stats")
    expect(stats).to_contain_text("2 / 4")
    expect(stats).to_contain_text("Answers4")
    ada = row(lead, "People at work", "Ada")
    for text in (PEOPLE["Ada"], "30 sec", "90% in 2 images"):
        expect(ada).to_contain_text(text)
    expect(row(lead, "People at work", "Bea")).to_contain_text("1 min")
    expect(row(lead, "People at work", "Bea")).to_contain_text("none")
    for text in ("Image ", "Unusable: <b>dark</b>"):
        expect(row(lead, "Skipped images", "Ada")).to_contain_text(text)
    expect(lead.get_by_text("The results appear here")).to_be_visible()
    assert site.sent("POST|PUT") == []


def test_a_lead_pauses_and_resumes_a_job_and_a_person(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    press(lead, "Pause the job")
    expect(lead.locator(".head .status")).to_have_text("Paused")
    assert site.job(JOB).paused
    press(lead, "Resume the job")
    expect(lead.locator(".head .status")).to_have_text("Open")
    assert not site.job(JOB).paused
    row(lead, "People at work", "Ada").get_by_role("button", name="Pause").click()
    expect(row(lead, "People at work", "Ada").locator(".status")).to_have_text("Paused")
    assert site.worker(JOB, "Ada").paused
    row(lead, "People at work", "Ada").get_by_role("button", name="Resume").click()
    expect(row(lead, "People at work", "Ada").locator(".status")).to_have_count(0)
    assert not site.worker(JOB, "Ada").paused
    lead.get_by_role("link", name="Log", exact=True).click()
    expect(lead.get_by_role("heading", level=1)).to_have_text("Log")
    expect(lead.get_by_role("row")).to_have_count(5)
    texts = lead.get_by_role("row").all_inner_texts()
    assert ["Resumed a person" in texts[1], "Paused a person" in texts[2], "Resumed the job" in texts[3]] == [True] * 3
    assert "Lea" in texts[4]
    assert "people-1: Ada" in texts[1]


def test_a_lead_gives_a_job_more_time(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    before = site.job(JOB).deadline
    press(lead, "More time")
    dialog = lead.get_by_role("dialog")
    dialog.get_by_label("Hours more").fill("0")
    dialog.get_by_role("button", name="More time").click()
    assert site.sent("POST .*extend") == [], "the browser says what is wrong"
    dialog.get_by_label("Hours more").fill("2.5")
    dialog.get_by_role("button", name="More time").click()
    expect(dialog).to_have_count(0)
    assert site.job(JOB).deadline == before + 2.5 * 3600


def test_a_lead_finishes_and_reopens_a_job(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    press(lead, "Finish now")
    dialog = lead.get_by_role("dialog")
    expect(dialog).to_contain_text("Images that still need answers: 2.")
    dialog.get_by_role("button", name="Cancel").click()
    assert site.job(JOB).status == "InProgress"
    press(lead, "Finish now")
    dialog.get_by_role("button", name="Finish now").click()
    expect(lead.locator(".head .status")).to_have_text("Ending")
    expect(lead.get_by_role("button", name="Finish now")).to_have_count(0)
    site.end_job(JOB)
    lead.reload()
    press(lead, "Reopen")
    dialog.get_by_role("button", name="Reopen").click()
    expect(lead.locator(".head .status")).to_have_text("Open")


def test_a_lead_decides_who_may_label(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    lead.get_by_label("Only these people").check()
    lead.get_by_label("Bea").check()
    press(lead, "Save")
    expect(lead.get_by_text("Saved", exact=True)).to_be_visible()
    assert not site.job(JOB).everyone
    assert [site.worker(JOB, who).member for who in ("Ada", "Bea", "Lea")] == [False, True, False]
    lead.reload()
    expect(lead.get_by_label("Only these people")).to_be_checked()
    expect(lead.get_by_label("Bea")).to_be_checked()
    expect(lead.get_by_label("Ada")).not_to_be_checked()


def test_a_lead_invites_somebody(lead: Page, site: PortalSite) -> None:
    lead.get_by_role("link", name="People", exact=True).click()
    expect(row(lead, "People", "Ada")).to_contain_text(PEOPLE["Ada"])
    press(lead, "Invite")
    dialog = lead.get_by_role("dialog")
    dialog.get_by_label("E-mail address").fill("nobody")
    dialog.get_by_role("button", name="Invite").click()
    assert site.sent("POST .*people") == [], "the browser says what is wrong"
    dialog.get_by_label("E-mail address").fill("cem@example.com")
    lead.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(row(lead, "People", "cem@example.com")).to_contain_text("Invited, not yet signed in")
    expect(lead.get_by_role("status")).to_have_text("Invited: cem@example.com")
    expect(lead.get_by_role("button", name="Invite")).to_be_focused()


def test_a_lead_opens_results(lead: Page, site: PortalSite) -> None:
    site.end_job(JOB, results={"report": "report.html"})
    open_job(lead)
    link = lead.get_by_role("link", name="Quality report")
    href = str(link.get_attribute("href"))
    assert "Signature=" in href
    assert lead.request.get(href).text() == "<p>report</p>"


def test_a_decision_that_fails_says_so(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    site.fail("POST .*/pause", 503, 1)
    press(lead, "Pause the job")
    expect(lead.locator(".said")).to_have_text("Something failed at the server. Please try again in a minute.")
    assert not site.job(JOB).paused


def test_a_refusal_is_in_the_leads_language(browser: Browser, site: PortalSite) -> None:
    context = browser.new_context(locale="de-DE")
    page = sign_in(context, site, "Lea")
    go(page, site, f"#/lead/jobs/{JOB}")
    press(page, "Mehr Zeit")
    site.end_job(JOB)
    page.get_by_role("dialog").get_by_role("button", name="Mehr Zeit").click()
    expect(page.get_by_role("alert")).to_have_text("Dieser Auftrag ist beendet. Sie können ihn wieder öffnen.")
    context.set_offline(True)
    page.get_by_role("dialog").get_by_role("button", name="Mehr Zeit").click()
    expect(page.get_by_role("alert")).to_have_text("Der Server hat nicht geantwortet.")
    context.close()


def test_a_decision_after_the_end_of_the_session_goes_on_after_signing_in(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    press(lead, "More time")
    before = site.job(JOB).deadline
    site.end_sessions()
    lead.get_by_role("dialog").get_by_role("button", name="More time").click()
    expect(lead.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    site.signs_in = "Lea"
    with lead.expect_popup() as window:
        lead.get_by_role("link", name="Sign in").click()
    expect(lead.get_by_role("dialog")).to_have_count(0)
    assert site.job(JOB).deadline == before + 24 * 3600
    if not window.value.is_closed():
        window.value.close()


def test_a_job_with_many_people_shows_those_first_who_need_attention(lead: Page, site: PortalSite) -> None:
    pseudonyms = [f"p{chr(97 + n % 26)}{n // 26 + 2}{'z' * 17}" for n in range(40)]
    for n, pseudonym in enumerate(pseudonyms):
        worker = rows.Worker(answers=n + 1, skips=n % 7, gold_answers=n % 2, gold_sum=(n % 2) * n / 40, member=n == 30)
        site.put(rows.worker_key(JOB.lower(), pseudonym), worker)
        site.put(rows.person_key(pseudonym), rows.Person(name=f"Person {n:02d}", email=f"{n}@example.com"))
    open_job(lead)
    people = lead.get_by_role("region", name="People at work")
    shown = [text.split("\n")[0] for text in people.get_by_role("row").all_inner_texts()[1:]]
    assert shown[:3] == ["Person 01", "Person 03", "Person 05"], "by similarity to gold"
    assert len(shown) == 15
    expect(lead.get_by_text("15 of 42")).to_be_visible()
    lead.emulate_media(media="print")
    assert people.locator("tbody tr:visible").count() == 42
    assert lead.locator("button:visible, .finder:visible, .top:visible").count() == 0
    lead.emulate_media(media="screen")
    search = lead.get_by_role("searchbox", name="Search in: People at work")
    search.fill("ada")
    expect(people.locator("tbody tr:visible")).to_have_count(1)
    expect(people).to_contain_text("Ada")
    search.fill("person 3")
    expect(lead.get_by_text("10 of 42")).to_be_visible()
    search.fill("")
    work = lead.locator(".card", has=people)
    work.get_by_label("Show all").check()
    expect(people.locator("tbody tr:visible")).to_have_count(42)
    lead.get_by_label("Only these people").check()
    members = lead.locator(".people li:visible")
    expect(members).to_have_count(15)
    expect(members.first).to_have_text("Person 30")
    lead.get_by_role("searchbox", name="Search in: Who may label").fill("person 39")
    lead.get_by_label("Person 39").check()
    press(lead, "Save")
    expect(lead.get_by_text("Saved", exact=True)).to_be_visible()
    found = {row["sk"] for row in site.table.query(rows.worker_pk(JOB.lower())) if row.get("member")}
    assert found == {pseudonyms[30], pseudonyms[39]}, "entries that are not shown count too"


def test_a_slow_change_of_the_view_is_visible(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    site.slow = 1.0
    lead.get_by_role("link", name="People", exact=True).click()
    expect(lead.locator("main[aria-busy=true]")).to_be_visible()
    expect(lead.get_by_role("heading", level=1)).to_have_text("People")
    expect(lead.locator("main[aria-busy]")).to_have_count(0)


def test_forced_colours_show_progress_the_current_page_and_dialogs(browser: Browser, site: PortalSite) -> None:
    context = browser.new_context(forced_colors="active")
    page = sign_in(context, site, "Lea")
    go(page, site, f"#/lead/jobs/{JOB}")
    press(page, "More time")
    widths = (
        """() => ["progress", "dialog"].map((name) => getComputedStyle(document.querySelector(name)).borderTopWidth)"""
    )
    assert page.evaluate(widths) == ["1px", "1px"]
    assert page.evaluate("getComputedStyle(document.querySelector('[aria-current]')).textDecorationLine") == "underline"
    context.close()


def test_a_refresh_keeps_focus_and_what_is_not_saved(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    pause = lead.get_by_role("button", name="Pause the job")
    pause.focus()
    lead.keyboard.press("Enter")
    expect(lead.get_by_role("button", name="Resume the job")).to_be_focused()
    row(lead, "People at work", "Ada").get_by_role("button", name="Pause").click()
    expect(row(lead, "People at work", "Ada").get_by_role("button", name="Resume")).to_be_focused()
    lead.clock.install()
    lead.reload()
    lead.get_by_label("Only these people").check()
    lead.get_by_label("Bea").check()
    lead.locator("h1").click()
    site.change_worker(JOB, "Ada", answers=50)
    lead.clock.fast_forward(31_000)
    expect(lead.locator(".stats")).to_contain_text("Answers51")
    expect(lead.get_by_label("Only these people")).to_be_checked()
    expect(lead.get_by_label("Bea")).to_be_checked()
    assert site.job(JOB).everyone


def test_a_refresh_that_fails_keeps_what_is_not_saved(lead: Page, site: PortalSite) -> None:
    lead.clock.install()
    lead.reload()
    open_job(lead)
    lead.get_by_label("Only these people").check()
    lead.locator("h1").click()
    site.change_worker(JOB, "Ada", answers=50)
    lead.route("**/api/lead/people", lambda route: route.abort())
    for _ in range(2):
        with lead.expect_event("requestfailed"):
            lead.clock.fast_forward(31_000)
    expect(lead.locator("h1")).to_have_text("Label people")
    expect(lead.get_by_label("Only these people")).to_be_checked()
    lead.unroute("**/api/lead/people")
    lead.clock.fast_forward(31_000)
    expect(lead.locator(".stats")).to_contain_text("Answers51")
    expect(lead.get_by_label("Only these people")).to_be_checked()


@pytest.mark.parametrize("fragment", ["#/lead", f"#/lead/jobs/{JOB}", "#/lead/people", "#/lead/log"])
def test_workers_see_nothing_of_it(context: BrowserContext, site: PortalSite, fragment: str) -> None:
    page = sign_in(context, site, "Ada")
    go(page, site, fragment)
    expect(page.locator("main")).to_contain_text("Only leads may see this.")
    assert "@example.com" not in page.content()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("light", 1280), ("dark", 1280)])
def test_axe_finds_nothing_and_nothing_is_cut_off(browser: Browser, site: PortalSite, scheme: Any, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 720}, color_scheme=scheme, bypass_csp=True)
    context.set_default_timeout(5000)
    page = sign_in(context, site, "Lea")
    for fragment, text in (
        ("#/lead", "All jobs"),
        (f"#/lead/jobs/{JOB}", "Label people"),
        ("#/lead/people", "People"),
        ("#/lead/log", "Log"),
    ):
        go(page, site, fragment)
        expect(page.get_by_role("heading", level=1)).to_have_text(text)
        page.evaluate(AXE)
        result = page.evaluate("axe.run()")
        assert [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in result["violations"]] == [], fragment
        assert page.evaluate("document.documentElement.scrollWidth") <= width, fragment
    go(page, site, f"#/lead/jobs/{JOB}")
    for name in ("More time", "Finish now"):
        press(page, name)
        result = page.evaluate("axe.run()")
        assert [v["id"] for v in result["violations"]] == [], name
        press(page, "Cancel")
    context.close()


@pytest.mark.parametrize("width", [320, 390])
def test_long_names_of_jobs_and_files_overflow_no_page(browser: Browser, site: PortalSite, width: int) -> None:
    name = "J" * 63
    site.add_job(name, IMAGES[:1])
    site.change_job(name, title="T" * 80, description="D" * 80)
    site.change_job(JOB, title="T" * 80)
    site.end_job(JOB, results={"report": "report.html", "labels": f"{'f' * 80}.json"})
    context = browser.new_context(viewport={"width": width, "height": 720})
    page = sign_in(context, site, "Lea")
    for fragment, text in (("", "D" * 80), ("#/lead", name), (f"#/lead/jobs/{JOB}", "f" * 80), (f"#/jobs/{name}", "")):
        page.goto("about:blank")
        go(page, site, fragment)
        expect(page.get_by_text(text).first if text else page.locator("crowd-2d-skeleton")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, fragment
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_a_long_name_or_note_breaks_no_other_word(browser: Browser, site: PortalSite, width: int) -> None:
    """Beside a name of 80 characters, "Pause" was broken into three lines, and times and labels within a word."""
    site.put(rows.person_key(PEOPLE["Bea"]), rows.Person(name="B" * 80, email=f"{'b' * 64}@example.com", lead=False))
    site.add_skip(JOB, 1, "Bea", "other", "N" * 200)
    context = browser.new_context(viewport={"width": width, "height": 720}, locale="de-DE")
    page = sign_in(context, site, "Lea")
    for fragment, tables in ((f"#/lead/jobs/{JOB}", 2), ("#/lead/people", 1)):
        go(page, site, fragment)
        expect(page.get_by_role("region")).to_have_count(tables)
        assert page.evaluate(BROKEN) == [], fragment
        assert page.evaluate("document.documentElement.scrollWidth") <= width, fragment
    context.close()


BROKEN = """[...document.querySelectorAll("td, td *")].flatMap((node) => [...node.childNodes])
  .filter((node) => node.nodeType === 3)
  .flatMap((node) => [...node.data.matchAll(/\\S+/g)].map(({ index, 0: word }) => {
    const range = document.createRange();
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    return word.length < 30 && new Set([...range.getClientRects()].map(({ top }) => top)).size > 1 && word;
  })).filter(Boolean)"""
"""The words in cells of tables that are broken into several lines."""


@pytest.mark.parametrize("name", ["More time", "Finish now", "Reopen"])
def test_the_focus_stays_after_a_dialog(lead: Page, site: PortalSite, name: str) -> None:
    if name == "Reopen":
        site.end_job(JOB)
    open_job(lead)
    lead.get_by_role("button", name=name).press("Enter")
    with lead.expect_response("**/results"):
        lead.get_by_role("dialog").get_by_role("button", name=name).press("Enter")
    expect(lead.get_by_role("dialog")).to_have_count(0)
    lead.wait_for_timeout(300)
    expect(lead.locator("main :focus")).to_have_count(1)


def test_everything_that_can_have_the_focus_keeps_it(lead: Page, site: PortalSite) -> None:
    expect(lead.locator("li.card")).to_have_count(1)
    without = "[...document.querySelectorAll('main :is(a, button, input, [tabindex=\"0\"]):not([data-key])')]"
    without += ".map((node) => node.outerHTML)"
    assert lead.evaluate(without) == []
    site.end_job(JOB, results={"report": "report.html", "labels": "labels.json"})
    open_job(lead)
    assert lead.evaluate(without) == []


def test_a_response_does_not_stop_a_change_of_the_view(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    held = hold(lead, "**/api/lead/**")
    press(lead, "Pause the job")
    with lead.expect_request("**/api/lead/people"):
        lead.get_by_role("link", name="People", exact=True).click()
    with lead.expect_response("**/pause"):
        held.pop(0).continue_()
    lead.wait_for_timeout(300)
    for route in held:
        route.continue_()
    expect(lead.get_by_role("heading", level=1)).to_have_text("People")
    expect(lead.locator("h1")).to_be_focused()
    expect(lead.locator("[aria-current=page]")).to_have_text("People")
    expect(lead.locator("main[aria-busy]")).to_have_count(0)
    assert len(site.sent("GET .*/lead/people$")) == 2


def test_a_response_for_an_earlier_view_leaves_the_labelling_page_alone(lead: Page, site: PortalSite) -> None:
    open_job(lead)
    held = hold(lead, "**/pause")
    press(lead, "Pause the job")
    lead.evaluate(f"location.hash = '#/jobs/{JOB.lower()}'")
    expect(lead.locator("crowd-2d-skeleton")).to_be_visible()
    lead.evaluate("document.querySelector('crowd-2d-skeleton').isFirst = true")
    with lead.expect_response("**/pause"):
        held.pop().continue_()
    lead.wait_for_timeout(500)
    assert lead.evaluate("document.querySelector('crowd-2d-skeleton').isFirst")


def test_what_changes_while_it_is_saved_is_kept(lead: Page, site: PortalSite) -> None:
    lead.clock.install()
    lead.reload()
    open_job(lead)
    lead.get_by_label("Only these people").check()
    lead.get_by_label("Bea").check()
    held = hold(lead, "**/members")
    press(lead, "Save")
    lead.get_by_label("Ada").check()
    held.pop().continue_()
    expect(lead.get_by_text("Saved", exact=True)).to_be_visible()
    site.change_worker(JOB, "Ada", answers=50)
    lead.clock.fast_forward(31_000)
    expect(lead.locator(".stats")).to_contain_text("Answers51")
    expect(lead.get_by_label("Ada")).to_be_checked()
    expect(lead.get_by_label("Ada")).to_be_focused()
    assert not site.worker(JOB, "Ada").member


def test_a_page_stays_up_to_date_after_an_action(lead: Page, site: PortalSite) -> None:
    lead.clock.install()
    lead.reload()
    open_job(lead)
    press(lead, "Pause the job")
    resume = lead.get_by_role("button", name="Resume the job")
    expect(resume).to_be_focused()
    site.fail("POST .*/resume", 503, 1)
    resume.click()
    expect(lead.locator(".said")).to_contain_text("Something failed")
    site.change_worker(JOB, "Ada", answers=4)
    lead.clock.fast_forward(31_000)
    expect(lead.locator(".stats")).to_contain_text("Answers5")
    expect(resume).to_be_focused()
    expect(lead.locator(".said")).to_contain_text("Something failed")


def test_a_page_in_use_is_not_refreshed(lead: Page, site: PortalSite) -> None:
    for n in range(20):
        site.put(rows.person_key(f"{chr(97 + n)}{'z' * 19}"), rows.Person(name=f"Person {n}", email=f"{n}@example.com"))
    lead.clock.install()
    lead.reload()
    open_job(lead)
    stats, heading = lead.locator(".stats"), lead.locator("h1")

    def wait() -> None:
        lead.clock.fast_forward(31_000)
        lead.wait_for_timeout(500)

    site.change_worker(JOB, "Ada", answers=4)
    lead.get_by_label("Only these people").check()
    lead.get_by_role("searchbox").click()
    wait()
    expect(stats).to_contain_text("Answers4")
    heading.click()
    heading.select_text()
    wait()
    expect(stats).to_contain_text("Answers4")
    heading.click()
    held = hold(lead, "**/pause")
    press(lead, "Pause the job")
    wait()
    expect(stats).to_contain_text("Answers4")
    held.pop().continue_()
    expect(stats).to_contain_text("Answers5")
    site.change_worker(JOB, "Ada", answers=5)
    held = hold(lead, "**/results")
    with lead.expect_request("**/results"):
        lead.clock.fast_forward(31_000)
    press(lead, "More time")
    held.pop().continue_()
    lead.wait_for_timeout(500)
    expect(stats).to_contain_text("Answers5")
    press(lead, "Cancel")
    expect(lead.get_by_role("button", name="More time")).to_be_focused()


def test_pages_stay_up_to_date_but_not_under_a_leads_hands(lead: Page, site: PortalSite) -> None:
    lead.clock.install()
    open_job(lead)
    site.change_worker(JOB, "Ada", answers=4)
    lead.locator("h1").click()
    lead.clock.fast_forward(31_000)
    expect(lead.locator(".stats")).to_contain_text("Answers5")
    site.change_worker(JOB, "Ada", answers=5)
    press(lead, "More time")
    lead.clock.fast_forward(31_000)
    lead.wait_for_timeout(500)
    expect(lead.locator(".stats")).to_contain_text("Answers5")
    expect(lead.get_by_role("dialog")).to_be_visible()
