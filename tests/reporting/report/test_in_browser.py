"""The report in a browser without a network: no error, no request, and a real click sorts, filters and saves."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest

from pigbench.results import Record

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, such as Debian's package of that name"),
]
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra `dev` installs")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def record(make_record):
    return make_record(("pig", "ldm", "joint", "ddpm"), (64, 128), trainings=3)


@pytest.fixture
def opened(browser, record, page_of, tmp_path):
    """A function that opens the report offline; what it asked for and complained of is in `asked` and `said`."""
    file = tmp_path / "report.html"
    file.write_text(page_of(record), encoding="utf-8")
    contexts = []

    def opened(width=1400, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [1400, 400])
def test_it_asks_for_nothing_complains_of_nothing_and_is_as_wide_as_the_window(opened, width):
    page = opened(width)
    page.wait_for_load_state("networkidle")
    assert [url for url in page.asked if not url.startswith("data:")] == [page.url]
    assert page.said == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def rows(page, title):
    """The texts of a table's first and second cells, of the rows that are shown."""
    table = page.locator("figure.table", has=page.get_by_text(title, exact=False)).locator("table")
    shown = [row for row in table.locator("tbody tr").all() if row.is_visible()]
    return table, [tuple(cell.inner_text() for cell in row.locator("th, td").all()[:2]) for row in shown]


def test_a_click_sorts_and_another_turns_it_round(opened):
    page = opened()
    table, before = rows(page, "Table 2.")
    table.get_by_role("button", name="Dice", exact=True).click()
    heading = table.locator("thead th").nth(1)
    assert heading.get_attribute("aria-sort") == "descending"
    down = [float(score.split(" ")[0]) for _, score in rows(page, "Table 2.")[1] if score[0].isdigit()]
    assert (
        down == sorted(down, reverse=True) != [float(score.split(" ")[0]) for _, score in before if score[0].isdigit()]
    )
    table.get_by_role("button", name="Dice", exact=True).click()
    _, up = rows(page, "Table 2.")
    assert [float(score.split(" ")[0]) for _, score in up if score[0].isdigit()] == down[::-1]
    assert up[-1][1] == "no masks"  # what has no number stays below


def test_typing_filters(opened):
    page = opened()
    box = page.locator("figure.table", has=page.get_by_text("Table 2.", exact=False)).get_by_role("searchbox")
    box.fill("LDM")
    assert [name for name, _ in rows(page, "Table 2.")[1]] == ["+ldm_64", "+ldm_128"]
    box.fill("")
    assert len(rows(page, "Table 2.")[1]) == 9


def test_a_click_saves_the_record(opened, record, tmp_path):
    page = opened(accept_downloads=True)
    with page.expect_download() as saved:
        page.locator(".records a").click()
    assert saved.value.suggested_filename.endswith(".json.gz")
    saved.value.save_as(tmp_path / "saved.gz")
    content = json.loads(gzip.decompress((tmp_path / "saved.gz").read_bytes()))
    assert Record.model_validate(content).scores == record.scores


def test_without_a_script_everything_is_there(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("thead button").count() == 0
    assert page.locator("table").count() > 8 and page.locator("svg").count() >= 5
