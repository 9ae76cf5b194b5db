// What makes the pages a little quicker to use. Every page works without it.
"use strict";

const every = (selector, within = document) => Array.from(within.querySelectorAll(selector));

// --- Parts of a page that renew themselves: <section id="x" data-refresh="5">

const connection = document.getElementById("connection");

function tell(text) {
  if (!connection) return;
  connection.hidden = !text;
  connection.textContent = text;
}

async function renew() {
  const response = await fetch(location.href, { headers: { Accept: "text/html", "X-Renew": "1" }, redirect: "manual" });
  if (response.type === "opaqueredirect" || response.status === 401) {
    location.reload();
    return;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  // Here its content would count: a page that renews itself would be loaded anew as well.
  every("noscript", fresh).forEach((part) => part.remove());
  for (const old of every("[data-refresh][id]")) {
    const now = fresh.getElementById(old.id);
    // Nothing is taken from under somebody's hands.
    if (old.contains(document.activeElement) && old.querySelector("form")) continue;
    if (now) keepOpen(old, now);
    if (now && now.outerHTML !== old.outerHTML) replace(old, now);
    else if (now) old.removeAttribute("data-stale");
  }
  if (!response.ok) throw new Error(`the console answered ${response.status}`);
  tell("");
}

// What somebody has opened to read stays open.
function keepOpen(old, now) {
  const name = (part) => part.querySelector("summary")?.textContent;
  const all = every("details", now);
  for (const open of every("details[open]", old)) {
    const same = all.find((part) => name(part) === name(open));
    if (same) same.open = true;
  }
}

function replace(old, now) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focused ? every("a, button, summary", old).indexOf(focused) : -1;
  old.replaceWith(document.adoptNode(now));
  if (place >= 0) every("a, button, summary", now)[place]?.focus({ preventScroll: true });
}

function refreshing() {
  const seconds = Math.min(...every("[data-refresh]").map((part) => Number(part.dataset.refresh) || 5));
  if (!Number.isFinite(seconds)) return;
  setTimeout(async () => {
    if (!document.hidden) {
      try {
        await renew();
      } catch {
        every("[data-refresh]").forEach((part) => part.setAttribute("data-stale", ""));
        tell("The console is unreachable; retrying. This page may be outdated.");
      }
    }
    refreshing();
  }, seconds * 1000);
}

refreshing();

// --- Keys

const KEYS = [
  ["/", "to the search"],
  ["j", "next in the list"],
  ["k", "previous in the list"],
  ["Enter", "open it"],
  ["x", "choose it"],
  ["?", "these keys"],
];

const rows = () => every("main [data-list] article, main [data-list] > li, main tbody tr").filter((row) => row.querySelector("a"));

function move(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.max(0, Math.min(all.length - 1, here < 0 ? 0 : here + by))];
  next.querySelector("a").focus();
}

function showKeys() {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "keys";
    const list = document.createElement("dl");
    list.className = "fields";
    for (const [key, what] of KEYS) {
      const term = document.createElement("dt");
      term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
      list.append(term, Object.assign(document.createElement("dd"), { textContent: what }));
    }
    const close = Object.assign(document.createElement("button"), { textContent: "Close" });
    close.addEventListener("click", () => dialog.close());
    dialog.append(Object.assign(document.createElement("h2"), { textContent: "Keys" }), list, close);
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search) search.focus();
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "x" && choose()) return event.preventDefault();
  else if (event.key === "?") showKeys();
  else return;
  event.preventDefault();
});
