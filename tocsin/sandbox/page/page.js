// Keeps the page fresh: asks for a version, and when it changed, replaces only the cards that changed.
"use strict";

const EVERY_MS = 1000;
let version = document.documentElement.dataset.version;
let busy = false;

function localTimes(root) {
  for (const time of root.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { hour12: false });
  }
}

function keepOpenStates(old, fresh) {
  for (const details of fresh.querySelectorAll("details[id]")) {
    const before = old.querySelector(`[id="${CSS.escape(details.id)}"]`);
    if (before) details.open = before.open;
  }
}

// A thread is read from its end.
function scrollToNewest(root) {
  for (const thread of root.querySelectorAll(".thread")) thread.scrollTop = thread.scrollHeight;
}

const label = (element) => element.getAttribute("aria-label") || element.textContent;

// The keyboard stays where it was: on the same control of the new card, else on the first key of its phone.
function keepFocus(focused, card) {
  const same = [...card.querySelectorAll(focused.tagName)].find((each) => label(each) === label(focused));
  (same || card.querySelector("[name=digits]"))?.focus({ preventScroll: true });
}

const typing = "input:not(:placeholder-shown):not([type=hidden])";

// Returns whether a changed card was left as it is, because somebody is typing in it.
function merge(current, fresh) {
  let skipped = false;
  const focused = current.contains(document.activeElement) ? document.activeElement : null;
  const where = focused?.closest(".card")?.id;
  const known = new Map([...current.children].map((card) => [card.id, card]));
  const cards = [...fresh.children].map((card) => {
    const old = known.get(card.id);
    if (!old) return card;
    if (old.dataset.version === card.dataset.version) return old;
    if (old.querySelector(typing)) {
      skipped = true;
      return old;
    }
    keepOpenStates(old, card);
    return card;
  });
  cards.forEach((card, index) => {
    if (current.children[index] !== card) current.insertBefore(card, current.children[index] || null);
  });
  while (current.children.length > cards.length) current.lastElementChild.remove();
  localTimes(current);
  scrollToNewest(current);
  if (focused && !focused.isConnected) keepFocus(focused, document.getElementById(where) || current);
  return skipped;
}

async function refresh(force) {
  if (busy) return;
  busy = true;
  try {
    const pulse = await (await fetch("/sandbox/pulse")).json();
    if (!force && pulse.version === version) return;
    const fresh = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    const skipped = ["mails", "threads", "calls"].map((id) => merge(document.getElementById(id), fresh.getElementById(id)));
    document.getElementById("faults").replaceChildren(...fresh.getElementById("faults").children);
    version = skipped.includes(true) ? "" : fresh.documentElement.dataset.version;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // the sandbox is away; the next round asks again
  } finally {
    busy = false;
  }
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const action = event.submitter?.getAttribute("formaction") || form.getAttribute("action");
  const body = new URLSearchParams(new FormData(form, event.submitter));
  form.reset();
  await fetch(action, { method: "POST", body });
  refresh(true);
});

localTimes(document);
scrollToNewest(document);
setInterval(refresh, EVERY_MS);
