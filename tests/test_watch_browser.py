"""The report as a reader has it: in a browser, light and dark, on a phone, on paper, by the keys."""

import itertools
import json
import math
import time
from dataclasses import replace

import pytest

import watch_results as results
from browser import CHROMIUM, Browser
from keras_lr import schedules
from keras_lr.watch import Arm, Comparison, Run, diagnose, report
from keras_lr.watch.live.page import Page
from keras_lr.watch.live.progress import Progress
from live_runs import eventually

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium isn't installed")

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
SIZES = {
    "light": {"width": 1000},
    "phone": {"width": 390, "height": 844, "dark": True},
    "turned": {"width": 1000, "dark": True},  # drawn at the phone's width before
}


def results_with(text):
    """Every kind of result; each place that takes a user's text has `text`."""
    epochs = range(20)
    layers = {
        f"update_ratio/{name}": [1e-3 * math.exp(-e / 30) for e in epochs] for name in (text, "b")
    }
    parts = {f"rate/{name}": [0.1 - 1e-3 * e for e in epochs] for name in ("base", text)}
    run = results.run()
    events = [replace_event(event, text) for event in run.events]
    events.append(replace(events[0], epoch=14, step=448))
    history = {**run.history, text: [0.5] * 20, "gradient_norm": [1.0] * 20, **layers, **parts}
    run = replace(run, history=history, name=text, events=events, settings={"optimizer": text})
    diverged = Run({"loss": [1.0, 0.8, math.nan]}, name=f"{text} 2")
    arms = (Arm(text, 0.1, text, (0.1, 0.2, 0.3)), Arm("b", 0.1, "", (0.2, 0.3, 0.4)))
    return [
        run,
        diverged,
        results.study(metric=text, edge=True),
        Comparison(text, arms, higher_is_better=True),
        replace(results.finding(), reason=text),
        diagnose(diverged),
        schedules.parse("cosine | warmup(5%)"),
    ]


def replace_event(event, text):
    return type(event)(**{**vars(event), "cause": text, "reason": text})


def show(tab, *, width=1000, dark=False, **size):
    """The page in another window, when it is drawn."""
    tab.look(width=width, dark=dark, **size)
    tab.wait(f"document.body.dataset.drawn === '{'dark' if dark else 'light'} {width}'")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return report(results_with(EVIL), tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def tab(browser, page):
    """The page in a window, for tests that leave it as it was: to draw it takes a second."""
    return browser.open(page)


@pytest.mark.parametrize("size", SIZES)
def test_every_chart_is_drawn_and_nothing_leaves_or_goes_wrong(tab, size):
    show(tab, **SIZES[size])
    width = SIZES[size]["width"]
    charts = tab.run(
        "Array.from(document.querySelectorAll('.chart'), c => ({"
        "label: c.getAttribute('aria-label'),"
        "paths: c.querySelectorAll('.scatterlayer path').length,"
        "over: Array.from(c.querySelectorAll('.legend'), l => [l, c.querySelector('.nsewdrag')]"
        ".map(e => e.getBoundingClientRect()))"
        ".some(([l, p]) => l.bottom > p.top + 2 && l.top < p.bottom - 2),"
        "plot: c._fullLayout._size.h, width: c.offsetWidth, figure: c.parentElement.clientWidth}))"
    )
    assert len(charts) >= 14
    for chart in charts:
        assert chart["paths"] >= 1, chart
        assert chart["plot"] >= 140, "a legend leaves room for the curves"
        assert not chart["over"], "the legend lies beside the curves"
        assert chart["width"] <= chart["figure"]
    assert tab.run("document.documentElement.scrollWidth") == width
    assert tab.complaints() == []
    assert tab.heard("Page.javascriptDialogOpening") == []
    assert tab.run("document.querySelectorAll('main script:not([data-chart]), img').length") == 0
    asked = [each["request"]["url"][:5] for each in tab.heard("Network.requestWillBeSent")]
    assert set(asked) <= {"file:", "data:"}
    assert len(asked) <= 2


def test_on_a_phone_tables_are_stacked_and_all_of_them_is_to_be_seen(tab):
    measure = (
        "Array.from(document.querySelectorAll('table.stack'), t => {"
        "const folded = t.closest('details'); if (folded) { folded.open = true; }"
        "const cells = Array.from(t.querySelectorAll('td'));"
        "const first = t.querySelector('tbody tr').children;"
        "const found = {open: !folded, right: Math.max(...cells.map(c => c.getBoundingClientRect().right)),"
        "below: first[1].getBoundingClientRect().top >= first[0].getBoundingClientRect().bottom - 1,"
        "told: getComputedStyle(first[1], '::before').content};"
        "if (folded) { folded.open = false; } return found; })"
    )
    labels = "document.querySelectorAll('.chart .textpoint').length"
    show(tab, width=390, height=844)
    assert tab.run(labels) == 1, "the second cut's would lie over the first one's"
    found = tab.run(measure)
    assert sum(table["open"] for table in found) >= 3
    for table in found:
        assert table["right"] <= 390
        assert table["below"]
        assert len(table["told"]) > 2, "the column's name"
    roles = [
        node.get("role", {}).get("value")
        for node in tab.send("Accessibility.getFullAXTree")["nodes"]
        if not node.get("ignored")
    ]
    assert {"table", "row", "columnheader", "cell"} <= set(roles), "and it is a table still"
    show(tab)
    assert tab.run(labels) == 2
    assert not any(table["below"] for table in tab.run(measure))


def test_hovering_tells_a_points_numbers(tab):
    show(tab)
    place = tab.run(
        "(() => { const c = Array.from(document.querySelectorAll('.chart'))"
        ".find(c => c.getAttribute('aria-label').includes('Loss against learning rate'));"
        "c.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const at = c.querySelector('.scatterlayer .point').getBoundingClientRect();"
        "return [at.x + at.width / 2, at.y + at.height / 2]; })()"
    )
    tab.point(place[0] - 2, place[1])
    tab.point(*place)
    tab.wait("document.querySelectorAll('.hoverlayer .hovertext').length > 0")
    said = tab.run("document.querySelector('.hoverlayer .hovertext').textContent")
    assert "rate 0.0001" in said
    assert "loss 2.2" in said
    tab.point(1, 1)


def test_the_keys_read_a_chart_and_reach_everything(tab):
    show(tab)
    tab.run("document.activeElement.blur(), window.scrollTo({top: 0, behavior: 'instant'})")
    kinds = []
    for _ in range(60):
        tab.press("Tab")
        kinds.append(tab.run("document.activeElement.className || document.activeElement.tagName"))
        if "js-plotly-plot" in kinds[-1]:
            break
    assert kinds[0] == "skip"
    assert "A" in kinds, "then the links to the sections"
    assert kinds[-1].startswith("chart"), kinds
    said, heard = "document.getElementById('said').textContent", [""]
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        tab.press(key)
        tab.wait(f"{said} !== {json.dumps(heard[-1])}")
        heard.append(tab.run(said))
    _, first, second, third = heard
    assert "epoch 1: 2.05" in first
    assert "epoch 2: " in second
    assert len({first, second, third}) == 3
    tab.press("Tab")
    assert tab.run(said) == ""
    assert tab.run("document.activeElement.tagName") == "SUMMARY", "the table behind the chart"
    tab.press("Enter")
    assert tab.run("document.activeElement.parentElement.open") is True


def test_a_screen_reader_finds_headings_names_and_tables(tab):
    levels = tab.run("Array.from(document.querySelectorAll('h1,h2,h3'), h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    tree = tab.send("Accessibility.getFullAXTree")["nodes"]
    named = {}
    for node in tree:
        if not node.get("ignored"):
            role, name = (node.get(key, {}).get("value") for key in ("role", "name"))
            named.setdefault(role, []).append(name)
    for role in ("region", "figure", "table", "link", "button", "navigation", "application"):
        assert named[role], role
        assert all(named[role]), f"every {role} has a name"
    assert named.get("image", []) == []
    assert any(name and "arrow keys" in name for name in named["application"])


def test_dark_paper_and_motion_follow_what_the_reader_wants(browser, tmp_path):
    short = [results.finding(), results.run(), results.comparison()]  # a long page takes long
    tab = browser.open(report(short, tmp_path / "r.html"), dark=True)
    ink = "getComputedStyle(document.querySelector('.xtick text')).fill"
    assert tab.run(ink) == "rgb(201, 208, 216)"
    assert tab.run("getComputedStyle(document.documentElement).scrollBehavior") == "smooth"
    tab.run("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.run(ink) == "rgb(58, 66, 76)"
    widths = "Array.from(document.querySelectorAll('.chart .main-svg'), s => s.clientWidth)"
    assert set(tab.run(widths)) == {640}
    tab.run("window.dispatchEvent(new Event('afterprint'))")
    assert tab.run(ink) == "rgb(201, 208, 216)"
    media = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    tab.send("Emulation.setEmulatedMedia", media="print", features=media)
    assert tab.run("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    for hidden in ("nav", ".copy", "details:not([open])"):
        assert tab.run(f"getComputedStyle(document.querySelector('{hidden}')).display") == "none"
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = tab.pdf()
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page\n") <= 5
    tab.close()


def test_without_the_network_a_page_from_the_cdn_still_speaks(browser, tmp_path):
    path = report([results.study(), results.finding()], tmp_path / "r.html", js="cdn")
    tab = browser.open(path, blocked=("*cdn.plot.ly*",))
    assert tab.heard("Runtime.exceptionThrown") == []
    assert tab.run("document.querySelector('h1').innerText").startswith("Use ")
    assert tab.run("document.querySelector('.missing').offsetHeight") > 0
    tab.run("document.querySelector('button.copy').focus()")
    tab.press("Enter")
    tab.wait("document.querySelector('button.copy').textContent !== 'Copy'")
    tab.close()


def test_a_page_that_goes_wrong_is_noticed(browser, tmp_path):
    """Or the tests above could say nothing."""
    path = tmp_path / "bad.html"
    path.write_text("<script>console.error('no'); nothing.there;</script><img src='x.png'>")
    tab = browser.open(path)
    assert len(tab.complaints()) == 3
    tab.close()


def test_the_page_renews_itself_keeps_the_readers_place_and_stops_at_the_end(browser, tmp_path):
    path = tmp_path / "run.html"
    page, run = Page(path, 0.1), replace(results.run(), done=False)
    page.show(run, Progress(2, 20, 30, 100, 10.0, 70.0))

    tab = browser.open(path)

    def renewed():
        try:
            return tab.run("window.old === undefined && document.readyState === 'complete'")
        except RuntimeError:  # it is just being loaded
            return False

    line = "document.querySelector('#live').textContent"
    assert "The training goes on: epoch 3 of 20" in tab.run(line)
    tab.run(
        "window.old = true; document.querySelector('details').open = true;"
        "document.querySelector('#live button').focus({preventScroll: true});"
        "window.scrollTo({top: 200, behavior: 'instant'})"
    )
    page.show(run, Progress(4, 20, 30, 100, 10.0, 60.0))
    eventually(renewed)
    assert "epoch 5 of 20" in tab.run(line)
    place = "[window.scrollY, document.querySelector('details').open, document.activeElement"
    assert tab.run(f"{place}.textContent]") == [200, True, "Pause"]
    tab.run("document.querySelector('#live button').click(), window.old = true")
    assert "This page is paused.Go on" in tab.run(line)
    for later, told in ((50, "This page is paused"), (70, "Nothing new for 1.2 min")):
        tab.run(f"window.now ??= Date.now, Date.now = () => window.now() + {later}000")
        tab.wait(f"{line}.startsWith('Nothing new') === {str(later > 60).lower()}")
        assert told in tab.run(line)
    tab.run("Date.now = window.now")
    page.end(run, Progress(19, 20, 100, 100, 90.0, None, "done"))
    time.sleep(0.8)  # it renews itself every half second
    assert not renewed()
    tab.run("document.querySelector('#live button').click()")
    eventually(renewed)
    assert tab.run("document.querySelector('#live')") is None
    assert "The training is done: 20 epochs" in tab.run("document.body.textContent")
    assert tab.complaints() == []
    tab.close()
