// What makes the page live: news, the keys, and one half of the page at a time. Without it every link still works.
"use strict";

const body = document.body;
const list = document.getElementById("list");
const main = document.getElementById("main");
const search = document.getElementById("search");
const said = body.dataset;
const narrow = matchMedia("(max-width: 800px)");

// Parts of pages, from our own server

async function part(url, name) {
  const answer = await fetch(url, { headers: { "X-Part": name }, credentials: "same-origin" });
  if (answer.status === 401) location.reload();
  return { text: await answer.text(), ok: answer.ok };
}

function put(target, html) {
  // Rendered by our server with everything of a stranger's escaped; scripts in it would not run.
  target.innerHTML = html;
  localise(target);
}

let opening = 0;
async function open(url, push = true) {
  const turn = ++opening;
  const found = await part(url, "main");
  if (turn !== opening) return;
  if (!found.ok) { location.assign(url); return; }
  put(main, found.text);
  main.scrollTop = 0;
  if (push) history.pushState({}, "", url);
  shown();
}

function shown() {
  const article = main.querySelector("article");
  body.className = (article ? "open" : "listing") + (body.classList.contains("alone") ? " alone" : "");
  choose(article ? article.dataset.id : "");
  const heading = main.querySelector("article h1");
  document.title = (heading ? heading.textContent + " · " : "") + said.title;
}

function choose(id) {
  for (const row of list.querySelectorAll(".row[aria-current]")) row.removeAttribute("aria-current");
  const row = id && list.querySelector(`.row[data-id="${CSS.escape(id)}"]`);
  if (!row) return;
  row.setAttribute("aria-current", "true");
  row.classList.remove("unread");
  row.scrollIntoView({ block: "nearest" });
}

// The list

let refreshing = false, again = false;
async function refresh() {
  if (refreshing) { again = true; return; }
  refreshing = true;
  const before = new Set(Array.from(list.querySelectorAll(".row"), (row) => row.dataset.id));
  const top = list.scrollTop;
  const found = await part(listUrl(), "list").catch(() => null);
  if (found && found.ok) {
    const focused = document.activeElement && document.activeElement.closest("#list .row");
    const focusId = focused && focused.dataset.id;
    put(list, found.text);
    if (before.size) for (const row of list.querySelectorAll(".row")) if (!before.has(row.dataset.id)) row.classList.add("fresh");
    list.scrollTop = top;
    const article = main.querySelector("article");
    choose(article ? article.dataset.id : "");
    if (focusId) list.querySelector(`.row[data-id="${CSS.escape(focusId)}"]`)?.focus();
  }
  // A flood of mail is shown twice a second, not a message at a time.
  setTimeout(() => { refreshing = false; if (again) { again = false; refresh(); } }, 500);
}

function listUrl() {
  const at = said.kind === "sessions" ? "/sessions" : "/";
  return search.value.trim() ? `${at}?q=${encodeURIComponent(search.value.trim())}` : at;
}

async function readOn(link) {
  const found = await part(link.href, "rows");
  if (!found.ok) return;
  const rows = list.querySelector(".rows");
  if (!rows) { location.assign(link.href); return; }
  (link.closest("li.next") || link).remove();
  const more = document.createElement("template");
  more.innerHTML = found.text;
  localise(more.content);
  rows.append(more.content);
}

// News

const live = document.getElementById("live");
const news = new EventSource("/api/v1/events");
news.addEventListener("open", () => { live.classList.add("on"); live.title = said.live; });
news.addEventListener("error", () => { live.classList.remove("on"); live.title = said.lost; });
let started = false;
news.addEventListener("resync", () => { if (started) refresh(); started = true; });
news.addEventListener("message", (event) => { if (event.data && said.kind === "messages") refresh(); });
news.addEventListener("deleted", () => { if (said.kind === "messages") refresh(); });
news.addEventListener("session", () => {
  if (said.kind === "sessions") refresh();
  // The session of an open message has perhaps just ended: its transcript is there now.
  const article = main.querySelector("article");
  if (article && said.kind === "messages" && !main.querySelector(".transcript") && !main.querySelector(".release[open]")) open(location.href, false);
});
addEventListener("pagehide", () => news.close());

// Clicks and forms

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a");
  if (!link || link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
  if (link.id === "more") { event.preventDefault(); readOn(link); return; }
  if (link.classList.contains("back") && narrow.matches) { event.preventDefault(); close(); return; }
  if (link.closest(".chips")) {
    event.preventDefault();
    search.value = link.dataset.q;
    refresh();
    if (!main.querySelector("article")) history.replaceState({}, "", listUrl());
    return;
  }
  const row = link.closest(".row"), inside = link.closest(".tabs, .blocked");
  if (row || inside) { event.preventDefault(); open(link.href); }
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.classList.contains("remove")) { event.preventDefault(); remove(); return; }
  if (form.closest(".release")) {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    const answer = await fetch(form.action, { method: "POST", headers: { "X-Part": "main" }, body: new URLSearchParams(new FormData(form)) });
    put(main, await answer.text());
    shown();
  }
});

async function remove() {
  const article = main.querySelector("article");
  if (!article || said.kind !== "messages") return;
  const row = list.querySelector(`.row[data-id="${CSS.escape(article.dataset.id)}"]`);
  const item = row && row.closest("li");
  const next = item && (item.nextElementSibling || item.previousElementSibling);
  const link = next && next.querySelector(".row");
  const answer = await fetch(`/api/v1/messages/${article.dataset.id}`, { method: "DELETE" });
  if (!answer.ok && answer.status !== 404) return;
  if (item) item.remove();
  if (link && !narrow.matches) open(link.href); else close();
  refresh();
}

async function unread() {
  const article = main.querySelector("article");
  if (!article || said.kind !== "messages") return;
  const answer = await fetch(`/api/v1/messages/${article.dataset.id}/seen`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ seen: false }),
  });
  if (answer.ok) close();
}

function close() {
  open(listUrl()).then(refresh);
}

addEventListener("popstate", () => open(location.href, false));

let typing = 0;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    refresh();
    if (!main.querySelector("article")) history.replaceState({}, "", listUrl());
  }, 250);
});
search.form.addEventListener("submit", (event) => { event.preventDefault(); refresh(); list.querySelector(".row")?.focus(); });

// Keys

function move(by) {
  const rows = Array.from(list.querySelectorAll(".row"));
  if (!rows.length) return;
  const focused = document.activeElement && document.activeElement.closest("#list .row");
  const at = rows.indexOf(focused || list.querySelector(".row[aria-current]"));
  const row = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  row.focus();
  if (!narrow.matches) open(row.href);
}

const keys = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  "/": () => { search.focus(); search.select(); },
  "?": () => document.getElementById("keys").showModal(),
  t: () => turn(),
  g: () => location.assign(said.kind === "messages" ? "/sessions" : "/"),
  s: () => { const tab = main.querySelector('.tabs a[data-view="session"]'); if (tab && tab.offsetParent) tab.click(); else body.classList.toggle("alone"); },
  u: () => unread(),
  Delete: () => remove(), "#": () => remove(),
  Escape: () => { if (main.querySelector("article")) close(); },
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const field = event.target.closest("input, textarea");
  if (field) { if (event.key === "Escape") { field.blur(); if (field === search && search.value) { search.value = ""; refresh(); } } return; }
  if (/^[1-6]$/.test(event.key)) { main.querySelectorAll(".tabs a")[event.key - 1]?.click(); return; }
  const inTranscript = event.target.closest("summary, .beside");
  if (inTranscript && event.key.startsWith("Arrow")) return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});
document.getElementById("help").addEventListener("click", keys["?"]);

// Dark and light

function turn() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `smtplab-theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
}
document.getElementById("theme").addEventListener("click", turn);

// Moments in the reader's own time

function localise(within) {
  const today = new Date().toDateString();
  for (const time of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (isNaN(moment)) continue;
    const near = moment.toDateString() === today;
    const form = "long" in time.dataset ? { dateStyle: "medium", timeStyle: "medium" } : near ? { timeStyle: "short" } : { month: "short", day: "numeric" };
    time.title = time.dateTime;
    time.textContent = new Intl.DateTimeFormat(said.lang, form).format(moment);
  }
}
localise(document);
