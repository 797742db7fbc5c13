"""Messages as they come: a plain one, a handsome one with pictures, a wicked one, and one in Vietnamese."""

from __future__ import annotations

import base64
import struct
import zlib
from email.message import EmailMessage
from email.policy import SMTP


def png(red: int, green: int, blue: int) -> bytes:
    """A true picture, 16 by 16, of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + bytes((red, green, blue)) * 16
    head = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * 16)) + chunk(b"IEND", b"")


PLAIN = b"From: Ann <ann@client.example>\r\nTo: bob@hust.example\r\nSubject: A plain one\r\n\r\nThe needle is here.\r\n"


def handsome() -> bytes:
    """Text and HTML, a picture inside, and three attachments, two of which a browser must not open from our origin."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = "Shop <shop@client.example>"
    letter["To"] = "bob@hust.example"
    letter["Subject"] = "Your order"
    letter.set_content("Thank you for your order.\n")
    letter.add_alternative(
        '<html><body><h1 style="color:#0b63b0">Thank you</h1><p>Your '
        "order: "
        '<img src="cid:logo@shop" alt="logo" width="16"> <a href="https://shop.example/order">see it</a></p>'
        "</body></html>",
        subtype="html",
    )
    letter.get_payload()[1].add_related(png(200, 30, 30), "image", "png", cid="<logo@shop>")
    letter.add_attachment(b"%PDF-1.4 no true one", "application", "pdf", filename="invoice.pdf")
    letter.add_attachment(b"<script>1</script>", "text", "html", filename="page.html")
    letter.add_attachment(b"<svg onload='1'/>", "image", "svg+xml", filename="h\u00ecnh.svg")
    return letter.as_bytes()


HANDSOME = handsome()
"""One of them: its boundaries differ each time."""


def wicked(remote: str) -> bytes:
    """HTML that tries to run, to fetch from `remote` and to get out of its frame."""
    html = f"""<html><head>
      <meta http-equiv="refresh" content="0;url={remote}/refresh"><base href="{remote}/">
      <link rel="stylesheet" href="{remote}/style.css"><link rel="prefetch" href="{remote}/prefetch">
      <link rel="dns-prefetch" href="{remote}"><link rel="preconnect" href="{remote}">
      <style>@import url({remote}/import.css); body {{ background: url("{remote}/background.png") }}
        @font-face {{ font-family: x; src: url({remote}/font.woff) }} p {{ font-family: x }}</style>
      <script>document.title = "ran"; parent.postMessage("ran", "*")</script></head>
      <body onload="parent.document.title = 'ran'"><p id="said">Wicked</p>
      <img src="{remote}/pixel.png" width="20" height="20" onerror="parent.document.title='ran'">
      <img srcset="{remote}/large.png 2x"><table background="{remote}/table.png"><tr><td>cell</td></tr></table>
      <svg><script>parent.document.title = "ran"</script></svg><iframe src="{remote}/frame"></iframe>
      <object data="{remote}/object"></object><embed src="{remote}/embed"><video poster="{remote}/poster.png"></video>
      <form action="{remote}/form"><input name="password"><button id="send">Send</button></form>
      <a id="run" href="javascript:parent.document.title='ran'">run</a><a href="//other.example/x">other</a>
      </body></html>"""
    head = 'From: evil@client.example\r\nTo: bob@hust.example\r\nSubject: <b>Wicked</b> & "quoted"\r\n'
    return (
        (head + "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html + "\r\n")
        .replace("\r\n", "\n")
        .replace("\n", "\r\n")
        .encode()
    )


def vietnamese() -> bytes:
    body = base64.encodebytes("Chào bạn,\nthư này viết bằng tiếng Việt.\n".encode()).replace(b"\n", b"\r\n")
    head = (
        b"From: =?utf-8?Q?Nguy=E1=BB=85n_An?= <an@client.example>\r\nTo: bob@hust.example\r\n"
        b"Subject: =?utf-8?B?eGluIGNow6BvIHRo4bq/IGdp4bubaQ==?=\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head + body
