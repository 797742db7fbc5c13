"""The page in a real Chromium: live, shut in, in both languages, by mouse and by keys."""

from __future__ import annotations

import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.serve.served import Dialogue, Served
from tests.web.letters import HANDSOME, PLAIN, png, vietnamese, wicked

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals"),
]

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 20_000


class Elsewhere:
    """A host of somebody else that notes what is fetched from it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, str | None]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers["Referer"], self.headers["Cookie"]))
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.end_headers()
                self.wfile.write(png(10, 200, 10))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def paths(self) -> set[str]:
        return {path for path, _, _ in self.asked}

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def elsewhere():
    host = Elsewhere()
    yield host
    host.close()


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """For every test its start would take longer than what is tested."""
    home = tmp_path_factory.mktemp("served")
    with Served(home, "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--domain", "hust.example") as started:
        started.url = f"http://127.0.0.1:{started.ports['http']}"
        yield started
        assert started.stop() == (0, b"", b"")


@pytest.fixture
def served(server):
    """With no messages in it."""
    yield server
    assert httpx.request("DELETE", f"{server.url}/api/v1/messages", json={"all": True}).is_success


@pytest.fixture
def page(chromium, served):
    """It fails the test where the page's own script or policy complains."""
    context = chromium.new_context(viewport={"width": 1400, "height": 800}, locale="en-GB", color_scheme="light")
    context.set_default_timeout(WAIT_MS)
    opened = context.new_page()
    opened.complaints = []
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("console", lambda message: opened.complaints.append(message.text))
    yield opened
    context.close()
    assert opened.complaints == []


def send(served, *letters: bytes) -> None:
    for letter in letters:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.send(letter.removesuffix(b"\r\n")) == 250
            client.ask(b"QUIT\r\n")


def rows_become(page, number: int) -> None:
    sync_api.expect(page.locator(".row")).to_have_count(number, timeout=WAIT_MS)


def open_live(page, served, path="/"):
    page.goto(served.url + path)
    page.wait_for_selector(".live.on", state="attached")


def open_message(page, subject: str) -> None:
    page.locator(".row", has_text=subject).click()
    page.wait_for_selector(f"article h1:has-text('{subject}')")


def test_a_message_appears_as_it_arrives_and_is_read_by_a_click(page, served):
    open_live(page, served)
    assert page.locator(".row").count() == 0
    send(served, PLAIN)
    row = page.locator(".row.unread")
    row.wait_for()
    assert "A plain one" in row.inner_text()
    open_message(page, "A plain one")
    assert page.locator("pre.body").inner_text().startswith("The needle is here.")
    assert page.locator(".row.unread").count() == 0
    assert page.title() == "A plain one · Inbox"
    page.go_back()
    page.wait_for_selector("main h1:has-text('Choose a message')")


def test_html_is_shown_in_a_sandbox_where_nothing_runs_and_nothing_is_fetched(page, served, elsewhere):
    elsewhere.asked.clear()
    send(served, wicked(elsewhere.url))
    open_live(page, served)
    open_message(page, "Wicked")
    frame = page.frame_locator("#frame")
    frame.locator("#said", has_text="Wicked").wait_for()
    assert page.locator("#frame").get_attribute("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    assert page.locator("article h1").inner_html() == '&lt;b&gt;Wicked&lt;/b&gt; &amp; "quoted"'
    inside = page.frames[1].evaluate("[origin, document.scripts.length, document.querySelectorAll('form,svg').length]")
    assert inside == ["null", 0, 0]
    assert frame.locator("a", has_text="run").get_attribute("href") is None
    assert frame.locator("a", has_text="other").get_attribute("rel") == "noopener noreferrer nofollow"
    assert page.title() == '<b>Wicked</b> & "quoted" · Inbox'
    assert elsewhere.asked == []


def test_the_frame_s_own_policy_holds_where_nothing_was_made_harmless(page, served, elsewhere):
    """The second wall by itself: the same document with the stranger's HTML as it came, under our headers."""
    elsewhere.asked.clear()
    send(served, wicked(elsewhere.url))
    raw = wicked(elsewhere.url).partition(b"\r\n\r\n")[2].decode()

    def as_it_came(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=raw)

    page.route("**/frame*", as_it_came)
    open_live(page, served)
    open_message(page, "Wicked")
    frame = page.frame_locator("#frame")
    frame.locator("#said", has_text="Wicked").wait_for()
    frame.locator("#send").click()
    frame.locator("#run").click()
    # Another page of ours is read meanwhile: whatever the frame began has begun by then.
    page.evaluate("fetch('/api/v1/health').then((answer) => answer.json())")
    assert page.title() == '<b>Wicked</b> & "quoted" · Inbox'
    assert page.frames[1].url.startswith(served.url)
    assert elsewhere.asked == []
    complaints = page.complaints[:]
    page.complaints.clear()
    assert any("Content Security Policy" in line or "sandboxed" in line for line in complaints)


def test_remote_content_is_fetched_after_a_click_and_told_nothing_of_us(page, served, elsewhere):
    elsewhere.asked.clear()
    send(served, wicked(elsewhere.url))
    open_live(page, served)
    open_message(page, "Wicked")
    banner = page.locator(".blocked")
    assert "remote items are blocked" in banner.inner_text()
    assert elsewhere.asked == []
    with (
        page.expect_response(lambda answer: answer.url.endswith("/pixel.png")),
        page.expect_response(lambda answer: answer.url.endswith("/table.png")),
        page.expect_event("console", lambda message: "font" in message.text),
    ):
        page.locator("#load-remote").click()
    page.locator(".blocked.loaded").wait_for()
    assert {"/pixel.png", "/table.png"} <= elsewhere.paths <= {
        "/pixel.png", "/table.png", "/background.png", "/font.woff",
    }  # fmt: skip
    assert {(referer, cookie) for _, referer, cookie in elsewhere.asked} == {(None, None)}
    # The font is refused by the browser: its host does not offer it to everybody (CORS).
    page.complaints[:] = [line for line in page.complaints if "font" not in line and "ERR_FAILED" not in line]


def test_a_link_from_elsewhere_lets_no_remote_content_in(page, served, elsewhere):
    elsewhere.asked.clear()
    send(served, wicked(elsewhere.url))
    (row,) = served.inbox()
    page.goto(elsewhere.url)
    page.evaluate(f"location.href = '{served.url}/messages/{row['id']}?view=html&remote=1'")
    page.wait_for_selector(".blocked")
    page.frame_locator("#frame").locator("#said").wait_for()
    assert page.locator(".blocked.loaded").count() == 0
    assert not {"/pixel.png", "/table.png"} & elsewhere.paths


def test_pictures_of_the_message_are_shown_and_attachments_only_saved(page, served):
    send(served, HANDSOME)
    open_live(page, served)
    open_message(page, "Your order")
    picture = page.frame_locator("#frame").locator("img")
    picture.wait_for()
    assert picture.evaluate("(image) => image.naturalWidth") == 16
    assert picture.get_attribute("src").startswith("data:image/png;base64,")
    names = page.locator(".attachments a").all_inner_texts()
    assert [name.split()[0] for name in names] == ["invoice.pdf", "page.html", "hình.svg"]
    link = page.locator(".attachments a", has_text="page.html")
    # Even where a link says nothing of saving, our headers do.
    link.evaluate("(anchor) => anchor.removeAttribute('download')")
    with page.expect_download() as saving:
        page.evaluate("(url) => { location.href = url }", link.get_attribute("href"))
    assert saving.value.suggested_filename == "page.html"


def test_messages_are_searched_as_one_types(page, served):
    send(served, PLAIN, HANDSOME, vietnamese())
    open_live(page, served)
    page.locator(".row").nth(2).wait_for()
    page.keyboard.press("/")
    page.keyboard.type("needle")
    rows_become(page, 1)
    assert "A plain one" in page.locator(".row").inner_text()
    page.locator("#search").fill("subject:nowhere")
    page.wait_for_selector(".empty")
    page.locator("#search").fill("xin chào")
    rows_become(page, 1)
    page.reload()
    assert page.locator("#search").input_value() == "xin chào"
    assert page.locator(".row").count() == 1


def test_the_whole_session_stands_beside_the_message_each_line_explained(page, served):
    send(served, PLAIN)
    open_live(page, served)
    open_message(page, "A plain one")
    beside = page.locator(".beside .transcript")
    beside.wait_for()
    stages = [title.split("\n")[0].split(" ")[0].title() for title in beside.locator("h3").all_inner_texts()]
    assert stages == ["Greeting", "Negotiation", "Envelope", "Content", "Goodbye"]
    line = beside.locator("details", has_text="RCPT TO:<student@hust.example>").first
    assert not line.locator(".why").is_visible()
    line.locator("summary").click()
    assert "RFC 5321 4.1.1.3" in line.locator(".why").inner_text()
    page.keyboard.press("s")
    assert not beside.is_visible()


def test_a_session_that_came_to_nothing_is_listed_with_its_refusal(page, served):
    open_live(page, served, "/sessions")
    with Dialogue(served.port) as client:
        client.ehlo()
        client.ask(b"MAIL FROM:<a@b.example>\r\n")
        client.ask(b"RCPT TO:<a@elsewhere.example>\r\n")
        client.ask(b"QUIT\r\n")
    page.locator(".row.failed").click()
    page.wait_for_selector("article .ending.refused")
    assert page.locator(".line.refusal code").inner_text().startswith("550 ")


def test_the_language_is_switched_and_kept(page, served):
    send(served, PLAIN)
    open_live(page, served)
    page.locator(".lang", has_text="VI").click()
    page.wait_for_selector("html[lang=vi]")
    open_message(page, "A plain one")
    assert page.locator(".beside h2").inner_text() == "Phiên SMTP"
    assert "Máy chủ" in page.locator(".beside .sentence").first.inner_text()
    page.goto(served.url)
    assert page.locator("html").get_attribute("lang") == "vi"
    assert "⟦" not in page.content()


def test_dark_and_light_are_turned_by_a_key_and_kept(page, served):
    open_live(page, served)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark != light


def test_keys_move_show_and_delete(page, served):
    send(served, PLAIN, HANDSOME)
    open_live(page, served)
    page.locator(".row").nth(1).wait_for()
    page.keyboard.press("j")
    page.wait_for_selector("article h1:has-text('Your order')")
    page.keyboard.press("j")
    page.wait_for_selector("article h1:has-text('A plain one')")
    page.keyboard.press("4")
    page.wait_for_selector("pre.source:has-text('Return-Path: <sender@client.example>')")
    page.keyboard.press("Delete")
    page.wait_for_selector("article h1:has-text('Your order')")
    assert page.locator(".row").count() == 1
    assert [row["subject"] for row in served.inbox()] == ["Your order"]
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_selector("main h1:has-text('Choose a message')")


def test_filters_and_marking_as_unread(page, served):
    send(served, PLAIN, HANDSOME)
    open_live(page, served)
    rows_become(page, 2)
    open_message(page, "A plain one")
    page.locator(".chips a", has_text="Unread").click()
    rows_become(page, 1)
    assert page.locator("#search").input_value() == "is:unread"
    page.keyboard.press("u")
    rows_become(page, 2)
    page.wait_for_selector("main h1:has-text('Choose a message')")


def test_what_another_process_deletes_goes_from_the_list(page, served):
    send(served, PLAIN, HANDSOME)
    open_live(page, served)
    page.locator(".row").nth(1).wait_for()
    served.smtplab("inbox", "delete", served.inbox()[0]["id"])
    rows_become(page, 1)
    page.locator(".sure summary").click()
    page.locator(".sure button").click()
    page.wait_for_selector(".empty")
    assert served.inbox() == []


def test_on_a_phone_list_and_message_take_turns_and_nothing_is_wider_than_it(page, served):
    page.set_viewport_size({"width": 360, "height": 740})
    send(served, HANDSOME)
    open_live(page, served)
    open_message(page, "Your order")
    assert not page.locator(".list").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".back").click()
    page.locator(".row").wait_for()
    assert not page.locator("article").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_a_script_every_link_and_form_works(chromium, served):
    send(served, PLAIN, HANDSOME)
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(served.url)
    page.locator(".row", has_text="A plain one").click()
    page.locator(".tabs a", has_text="Source").click()
    page.locator("pre.source", has_text="The needle is here.").wait_for()
    page.locator("#delete").click()
    page.locator(".nothing").wait_for()
    assert page.locator(".row").count() == 1
    context.close()


def test_the_door_asks_for_the_token_and_opens(chromium, tmp_path):
    with Served(tmp_path, "--listen", "127.0.0.1:0", "--web", "0.0.0.0:0") as served:
        token = served.said[1]["token"]
        context = chromium.new_context(locale="en-GB")
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{served.ports['http']}/sessions")
        page.locator("input[name=token]").fill("wrong")
        page.keyboard.press("Enter")
        page.locator(".verdict.failed").wait_for()
        page.locator("input[name=token]").fill(token)
        page.keyboard.press("Enter")
        page.wait_for_selector(".live.on", state="attached")
        assert page.url.endswith("/sessions")
        assert token not in page.content()
        context.close()
