"""Every option of swaks and what became of it here: the source of `docs/swaks.md`."""

from __future__ import annotations

from typing import Literal, NamedTuple

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


SWAKS_OPTIONS: tuple[SwaksOption, ...] = (
    _same("--config", "the default file is `~/.smtplabrc`; `--no-config` reads none"),
    _renamed("SWAKS_OPT_name", "SMTPLAB_OPT_name", "environment"),
    _same("-s, --server", "every MX and address is tried where it is not given"),
    _same("-p, --port"),
    _same("-li, --local-interface", "also `--source`"),
    _same("-lp, --local-port, --lport"),
    _same("--copy-routing"),
    _same("-4"),
    _same("-6"),
    _same("--socket"),
    _same("--pipe", "the words are parted as by a shell, but no shell is started"),
    _same(
        "-t, --to",
        "repeatable too; without `--server` every domain goes its own way, and every MX and address is tried",
    ),
    _same("--cc", "since v20240103; repeatable too"),
    _same("--bcc", "since v20240103; repeatable too"),
    _same("-f, --from", "the default is user@ this host's full name"),
    _same("--ehlo, --lhlo, -h, --helo"),
    _same(
        "-q, --quit, --quit-after",
        "also `dns`; `connect` ends before the greeting, `banner` after it; `data` is the whole message",
    ),
    _same("--da, --drop-after", "`connect` as above"),
    _same("--das, --drop-after-send", "`helo` is the second EHLO only where STARTTLS was asked for"),
    _same("--timeout", "without it the limits of RFC 5321 4.5.3.2; 0 is refused, for an endless wait is a hang"),
    _same("--protocol"),
    _same("--pipeline", "MAIL and the RCPTs leave together; DATA waits for their replies"),
    _same("--prdr"),
    _same("--force-getpwuid", "without it the sender's local part is `user`"),
    _renamed("-tls", "--tls=require", "`-tls` works too; nothing said is `may`, as mail servers do"),
    _same("-tlso, --tls-optional", "the default; after a failed handshake a new connection is made in clear"),
    _same("-tlsos, --tls-optional-strict"),
    _same("-tlsc, --tls-on-connect", "port 465 then, as in swaks"),
    _same("-tlsp, --tls-protocol", "`tlsv1` and `tlsv1_1` are spoken where OpenSSL still can"),
    _same("--tls-cipher"),
    _same("--tls-verify", "the authority and the name; alone it demands TLS"),
    _same("--tls-verify-ca", "since v20240103"),
    _same("--tls-verify-host", "since v20240103"),
    _same("--tls-verify-target, --tls-target", "since v20240103"),
    _same("--tls-ca-path", "a file, or a folder of them, whatever their names"),
    _same("--tls-cert"),
    _same("--tls-key"),
    _same("--tls-chain", "since v20240103"),
    _same("--tls-get-peer-cert", "printed at the end, and without marks"),
    _same("--tls-get-peer-chain", "since v20240103; likewise"),
    _same("--tls-sni", "it is also the name that is verified"),
    _same("-a, --auth", "bare: all that are safe, the best first; PLAIN and LOGIN in clear only where named"),
    _same("-ao, --auth-optional"),
    _same("-aos, --auth-optional-strict"),
    _same("-au, --auth-user", "or from `.netrc`"),
    _same("-ap, --auth-password", "also `@FILE`, the environment, `.netrc`, else asked for"),
    _out("-ae, --auth-extra", "belongs to DIGEST-MD5 and NTLM, which are obsolete (RFC 6331)"),
    _same("-am, --auth-map"),
    _same("-apt, --auth-plaintext", "always so: every exchange is shown decoded, secrets masked; taken and ignored"),
    _same("-ahp, --auth-hide-password", "always so, as `***`; taken and ignored. `--show-secrets` shows them"),
    _same("--xclient-addr, --xclient-name, --xclient-port, --xclient-proto, --xclient-helo, --xclient-login"),
    _same("--xclient-destaddr, --xclient-destport, --xclient-reverse-name"),
    _same("--xclient"),
    _same("--xclient-delim"),
    _same("--xclient-optional"),
    _same("--xclient-optional-strict"),
    _same("--xclient-no-verify"),
    _same("--xclient-before-starttls"),
    _same("--proxy-version"),
    _same("--proxy"),
    _same("--proxy-family, --proxy-source, --proxy-source-port, --proxy-dest, --proxy-dest-port"),
    _same("--proxy-protocol"),
    _same("--proxy-command"),
    _same(
        "-d, --data",
        "tokens are replaced as in swaks (`%SWAKS_VERSION%` is ours); `-ndf` sends what is given; a closing dot is "
        "taken off a text, not off a file; a file's name without `@` works still",
    ),
    _same("-dab, --dump-as-body"),
    _out("-dabsp, --dump-as-body-shows-password", "passwords do not belong in mail"),
    _same("--body", "`@FILE` and `-`; a bare name is a text, as since v20240103"),
    _same("--attach", "a file's name, with or without `@`, or `-`"),
    _same("--attach-body"),
    _same("--attach-type"),
    _same("--attach-name"),
    _same("-ah, --add-header"),
    _same("--header, --header-NAME, --h-NAME"),
    _same("-g", "gone from swaks since v20240103"),
    _same("--no-data-fixup, -ndf", "line ends are repaired all the same; `--line-endings keep` leaves those too"),
    _same("--no-strip-from, -nsf"),
    _same("-n, --suppress-data"),
    _same("-stl, --show-time-lapse"),
    _same("-nih, --no-info-hints"),
    _same("-nsh, --no-send-hints"),
    _same("-nrh, --no-receive-hints"),
    _same("-nth, --no-hints"),
    _same("-raw, --show-raw-text", "also `--raw`, which records the bytes in `--json` and `--capture` too"),
    _same("--output, --output-file"),
    _same("--output-file-stdout"),
    _same("--output-file-stderr"),
    _same("-pp, --protect-prompt", "always so; taken and ignored"),
    _same("-hr, --hide-receive"),
    _same("-hs, --hide-send"),
    _same("-hi, --hide-informational"),
    _same("-ha, --hide-all"),
    _same("-S, --silent"),
    _out("--support", "everything is always there"),
    _same("--dump-mail"),
    _same("--dump", "passwords are masked unless `--show-secrets`; SUPPORT, APP and OUTPUT have no counterpart"),
    _same("--help"),
    _same("--version", "before the command: `smtplab --version`"),
)
