"""Every option of swaks and what became of it here: the source of `docs/swaks.md`, and of the protocols' names."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

SWAKS_PROTOCOLS: dict[str, tuple[str, Any, int]] = {
    "smtp": ("smtp", None, 25),
    "ssmtp": ("esmtp", "implicit", 465),
    "smtps": ("smtp", "implicit", 465),
    "esmtp": ("esmtp", None, 25),
    "esmtps": ("esmtp", "require", 25),
    "lmtp": ("lmtp", None, 24),
    "lmtps": ("lmtp", "require", 24),
}
"""A name: the dialect, the TLS policy that it brings, the port."""

Fate = Literal["same", "renamed", "left out"]


class SwaksOption(NamedTuple):
    swaks: str
    """Its names, as its reference lists them."""
    fate: Fate
    ours: str = ""
    """Our name, where there is one."""
    why: str = ""


def _same(names: str, why: str = "") -> SwaksOption:
    return SwaksOption(names, "same", max(names.split(", "), key=len), why)


def _renamed(names: str, ours: str, why: str = "") -> SwaksOption:
    return SwaksOption(names, "renamed", ours, why)


def _out(names: str, why: str) -> SwaksOption:
    return SwaksOption(names, "left out", "", why)


_NOT_YET = "not built yet"
_PROMPT = "only the password is ever asked for, and never echoed"

SWAKS_OPTIONS: tuple[SwaksOption, ...] = (
    _same("--config", "the default file is `~/.smtplabrc`; `--no-config` reads none"),
    _renamed("SWAKS_OPT_name", "SMTPLAB_OPT_name", "environment"),
    _same("-s, --server", "`HOST:PORT` and `[HOST]:PORT`, not `HOST/PORT`"),
    _same("-p, --port", "a number, no service name"),
    _same("-li, --local-interface", "an address, no name and no port"),
    _out("-lp, --local-port, --lport", _NOT_YET),
    _out("--copy-routing", "`--server` names the host"),
    _same("-4"),
    _same("-6"),
    _out("--socket", _NOT_YET),
    _out("--pipe", _NOT_YET),
    _same(
        "-t, --to",
        "repeatable too; without `--server` every domain goes its own way, and every MX and address is tried",
    ),
    _same("-f, --from", "the default is user@ this host's full name"),
    _same("--ehlo, --lhlo, -h, --helo"),
    _same(
        "-q, --quit, --quit-after",
        "also `dns`; `connect` ends before the greeting, `banner` after it; `data` is the whole message",
    ),
    _renamed("--da, --drop-after", "--drop-after", "not DATA and DOT"),
    _out("--das, --drop-after-send", _NOT_YET),
    _same("--timeout", "without it the limits of RFC 5321 4.5.3.2; 0 is refused, for an endless wait is a hang"),
    _same("--protocol", "not the names with A: `--auth-user` says it"),
    _same("--pipeline", "MAIL and the RCPTs leave together; DATA waits for their replies"),
    _out("--prdr", _NOT_YET),
    _out("--force-getpwuid", "the sender's local part is `user`"),
    _renamed("-tls", "--tls=require", "`-tls` works too; nothing said is `may`, as mail servers do"),
    _same("-tlso, --tls-optional", "the default; after a failed handshake a new connection is made in clear"),
    _out("-tlsos, --tls-optional-strict", _NOT_YET),
    _same("-tlsc, --tls-on-connect", "port 465 then, as in swaks"),
    _out("-tlsp, --tls-protocol", _NOT_YET),
    _out("--tls-cipher", _NOT_YET),
    _same("--tls-verify", "also `--tls=verify`"),
    _same("--tls-ca-path", "a file, no folder"),
    _out("--tls-cert", _NOT_YET),
    _out("--tls-key", _NOT_YET),
    _out("--tls-get-peer-cert", "`--json` has the certificate's facts in `tls_established`"),
    _out("--tls-sni", _NOT_YET),
    _same("-a, --auth", "one mechanism, not a list; `--auth-user` alone takes the best that is offered"),
    _out("-ao, --auth-optional", _NOT_YET),
    _out("-aos, --auth-optional-strict", _NOT_YET),
    _same("-au, --auth-user", "no .netrc"),
    _same("-ap, --auth-password", "also `@FILE` and the environment; no .netrc"),
    _out("-ae, --auth-extra", "belongs to DIGEST-MD5 and NTLM, which are obsolete"),
    _out("-am, --auth-map", _NOT_YET),
    _out("-apt, --auth-plaintext", "`--show-secrets` shows what was sent"),
    _out("-ahp, --auth-hide-password", "always so, as `***`"),
    _out(
        "--xclient, --xclient-addr, --xclient-name, --xclient-port, --xclient-proto, --xclient-destaddr, "
        "--xclient-destport, --xclient-helo, --xclient-login, --xclient-reverse-name, --xclient-delim, "
        "--xclient-optional, --xclient-no-verify, --xclient-before-starttls",
        _NOT_YET,
    ),
    _out(
        "--proxy, --proxy-version, --proxy-family, --proxy-protocol, --proxy-command, --proxy-source, "
        "--proxy-source-port, --proxy-dest, --proxy-dest-port",
        _NOT_YET,
    ),
    _same("-d, --data", "no tokens are replaced in it: what is given is what is sent"),
    _out("-dab, --dump-as-body", "a capture holds more"),
    _out("-dabsp, --dump-as-body-shows-password", "passwords do not belong in mail"),
    _same("--body", "always the text itself, never a file's name"),
    _same("--attach", "a file's name"),
    _out("--attach-body", "a whole message can be given with `--data`"),
    _out("--attach-type", "taken from the file's name"),
    _out("--attach-name", "taken from the file's name"),
    _same("-ah, --add-header", "one that the message has already takes its place"),
    _same("--header, --header-NAME, --h-NAME", "not beside `--data`"),
    _out("-g", "`--data -`"),
    _out("--no-data-fixup, -ndf", "nothing is changed but bare line ends; `--line-endings keep` leaves those"),
    _out("--no-strip-from, -nsf", "nothing is stripped"),
    _same("-n, --suppress-data"),
    _same("-stl, --show-time-lapse"),
    _same("-nih, --no-info-hints"),
    _same("-nsh, --no-send-hints"),
    _same("-nrh, --no-receive-hints"),
    _same("-nth, --no-hints"),
    _renamed("-raw, --show-raw-text", "--raw", "the bytes stand in the records: `--json` and `--capture`"),
    _same("--output, --output-file"),
    _same("--output-file-stdout"),
    _same("--output-file-stderr"),
    _out("-pp, --protect-prompt", _PROMPT),
    _same("-hr, --hide-receive"),
    _same("-hs, --hide-send"),
    _same("-hi, --hide-informational"),
    _same("-ha, --hide-all"),
    _same("-S, --silent"),
    _out("--support", "everything is always there"),
    _same("--dump-mail"),
    _out("--dump", "`--json` and `--capture` say what was done"),
    _same("--help"),
    _same("--version", "before the command: `smtplab --version`"),
)
