"""The page as a user sees it: in a real browser, served by the program."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse

import pytest

from tests.support import commands
from trainers import page

SECRET = "A great film that nobody else may read of."
OTHER = "A dull film, and bad."
FLAGS = (
    *("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ((), 2, "Expected --workdir=RUN"),
        (("--workdir=r", "--host=0.0.0.0"), 1, "from other machines"),
        (
            ("--workdir=r", "--host=0.0.0.0", "--allow_remote"),
            1,
            "needs a password",
        ),
        (("--workdir=r", "--names=a"), 1, "no effect"),
        (("--workdir=r", "--port=65536"), 1, "[0, 65536)"),
        (("--workdir=r", "--password_file=none"), 1, "does not exist"),
    ],
)
def test_a_page_for_anyone_is_refused(flags, code, message, capsys):
    assert commands.exit_code(page.main, flags) == code
    assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Where a run was trained; its records are there."""
    directory = tmp_path_factory.mktemp("page")
    lines = ["text,label"]
    for index in range(60):
        words = ("great love good", "bad dull hate")[index % 2]
        label = ("fresh", "rotten")[index % 2]
        lines.append(f'"{words} film, number {index}","{label}"')
    (directory / "reviews.csv").write_text("\n".join(lines), "utf-8")
    trained = commands.run(
        "trainers.run",
        "--dataset=reviews.csv",
        "--backbone=resnet",
        "--workdir=run",
        "--epochs=2",
        "--baselines=false",
        "--export=false",
        cwd=directory,
    )
    assert trained.returncode == 0, trained.stderr
    return directory


@contextlib.contextmanager
def serving(directory, *flags):
    """The program and the address that it prints."""
    program = subprocess.Popen(
        (sys.executable, "-m", "trainers.page", "--port=0", *flags),
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(commands.ROOT)}
        | {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://[::1]:9"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        first = program.stdout.readline()
        match = re.match(r"http://127\.0\.0\.1:\d+/", first)
        assert match, first + program.communicate()[1]
        yield program, match[0]
    finally:
        program.kill()
        program.communicate()


@pytest.fixture(scope="module")
def url(directory):
    with serving(directory, "--workdir=run") as (_, url):
        yield url


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium")
    if path is None:
        message = "no chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, url):
    """Opens the page; nothing may leave this machine or fail."""
    faults, contexts = [], []

    def gate(route):
        address = urllib.parse.urlsplit(route.request.url)
        if address.scheme != "data" and address.hostname != "127.0.0.1":
            faults.append(f"request of {route.request.url}")
            route.abort()
        else:
            route.continue_()

    def make(width=1280, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(60_000)
        tab.route("**/*", gate)
        tab.on("pageerror", lambda error: faults.append(f"error {error}"))
        tab.on("console", lambda m: m.type == "error" and faults.append(m.text))
        tab.goto(url)
        tab.wait_for_selector("#go:enabled")
        return tab

    yield make
    for context in contexts:
        context.close()
    assert not faults


def is_answered(tab):
    tab.wait_for_selector(".verdict")
    tab.wait_for_selector("#results[aria-busy=false]")


@pytest.fixture(scope="module")
def predicted(directory):
    """What `trainers.predict` says of the two texts."""
    finished = commands.run(
        "trainers.predict",
        *("--workdir=run", "--format=jsonl", SECRET, OTHER),
        cwd=directory,
    )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def shown_verdict(tab, number=0):
    """The verdict on the screen, and its probabilities by class."""
    card = tab.locator(".verdict").nth(number)
    rows = card.locator(".bars li").all()
    return card.locator(".label strong").inner_text(), {
        row.locator(".name").inner_text(): row.locator(".number").inner_text()
        for row in rows
    }


def is_as_predicted(shown, expected):
    label, probabilities = shown
    return label == expected["label"] and probabilities == {
        name: f"{value:.1%}"
        for name, value in expected["probabilities"].items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 375])
def test_two_texts_are_typed_and_explained(predicted, open_page, width):
    tab = open_page(width)
    tab.fill("#text", SECRET)
    tab.click("#compare")
    tab.fill("#other", OTHER)
    tab.click("#go")
    is_answered(tab)
    for number, expected in enumerate(predicted):
        assert is_as_predicted(shown_verdict(tab, number), expected)
        words = tab.locator(".words .text").nth(number)
        assert words.inner_text() == (SECRET, OTHER)[number]
        assert words.locator(".word[title^='film: ']").count() == 1
    assert "text 1 less image of text 2" in tab.inner_text("#results")
    too_wide = "document.documentElement.scrollWidth - innerWidth"
    assert tab.evaluate(too_wide) <= 0
    tab.locator("summary", has_text="feature maps").first.click()
    tab.wait_for_selector(".grid canvas")
    # Nothing of it is kept: not in the address, nor in the browser.
    assert tab.url.endswith("/")
    assert tab.evaluate("localStorage.length + sessionStorage.length") == 0
    assert tab.evaluate("document.cookie") == ""


@pytest.mark.slow
def test_the_keyboard_alone_is_enough(predicted, open_page):
    tab = open_page()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "text"
    tab.keyboard.type(OTHER)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "go"
    tab.keyboard.press("Enter")
    is_answered(tab)
    expected = predicted[1]
    assert is_as_predicted(shown_verdict(tab), expected)
    status = tab.locator("#status")
    assert status.get_attribute("aria-live") == "polite"
    assert expected["label"] in status.inner_text()
    for _ in range(30):  # past the form, to the first image
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.tagName") == "CANVAS":
            break
    places = []
    for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Tab"):
        text = tab.locator("output.pixel").first.inner_text()
        assert re.search(r"layer \d, dimension \d+, adds .?0\.", text), text
        row, column = re.match(r"row (\d+), column (\d+): ", text).groups()
        places.append((int(row), int(column)))
        tab.keyboard.press(key)
    # There and back: whatever the map, the way back exists.
    start, right, left, down, up = places
    assert start[1] < right[1]
    assert left[1] < right[1]
    assert left[0] < down[0]
    assert up[0] < down[0]


@pytest.mark.slow
def test_an_example_fills_the_box_and_says_the_truth(directory, open_page):
    tab = open_page()
    tab.click("#examples summary")
    buttons = tab.locator("#examples button")
    told = [text.split()[0] for text in buttons.all_inner_texts()]
    assert told
    assert told == sorted(told)  # mistakes, then right
    rows = (directory / "run/predictions.csv").read_text().splitlines()[1:]
    mistakes = sum(row.split(",")[1] != row.split(",")[2] for row in rows)
    assert told.count("mistake") == min(8, mistakes)
    buttons.first.click()
    is_answered(tab)
    assert tab.input_value("#text") in (directory / "reviews.csv").read_text()


@pytest.mark.slow
def test_light_and_dark_can_be_read(open_page):
    for scheme in ("light", "dark"):
        tab = open_page(scheme=scheme)
        colours = tab.evaluate(
            """["color", "backgroundColor"].map((name) =>
                getComputedStyle(document.body)[name].match(/\\d+/g))"""
        )
        ink, paper = (luminance(map(int, colour)) for colour in colours)
        assert (ink < paper) == (scheme == "light")
        lighter, darker = max(ink, paper), min(ink, paper)
        assert (lighter + 0.05) / (darker + 0.05) > 7  # WCAG 2, level AAA


def luminance(colour):
    """Relative luminance of an sRGB colour of bytes, by WCAG 2."""
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "runs"),
    [(signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 1)],
)
def test_a_signal_ends_the_page_which_has_written_one_line(
    directory, chromium, number, code, runs
):
    flags = ["--workdir=run"] * runs
    with serving(directory, *flags) as (program, url):
        tab = chromium.new_page()
        tab.set_default_timeout(60_000)
        tab.goto(url)
        tab.wait_for_selector("#go:enabled")
        tab.fill("#text", SECRET)
        tab.click("#go")
        is_answered(tab)
        compared = tab.locator(".comparison .which-run").count()
        assert compared == (runs if runs > 1 else 0)
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
        tab.close()
    assert program.returncode == code
    assert not out
    assert err.endswith("interrupted\n")
    assert SECRET not in err
    assert not list(pathlib.Path(directory).glob("**/*page*"))
