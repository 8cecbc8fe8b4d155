(function (live) {
  "use strict";
  const KEY = "keras-lr live " + window.location.pathname;
  const TICK = 125;

  function kept() {
    try { return JSON.parse(window.sessionStorage.getItem(KEY)) || {}; } catch (error) { return {}; }
  }

  function keep(state) {
    try { window.sessionStorage.setItem(KEY, JSON.stringify(state)); } catch (error) { /* none here */ }
  }

  const before = kept();
  let paused = before.paused === true;

  // ---- the line that says so, and the button that stops it

  const line = document.createElement("p");
  const words = document.createElement("span");
  const button = document.createElement("button");
  line.id = "live";
  line.className = "lead";
  button.type = "button";
  button.style.cssText = "font:inherit;font-size:.85rem;margin-left:.5rem;padding:.2rem .7rem;"
    + "color:var(--accent);background:var(--page);border:1px solid var(--line);border-radius:6px;"
    + "cursor:pointer";
  line.append(words, button);
  document.querySelector("header").append(line);

  // A clock of the reader's own: the writer's may be on another machine.
  const same = before.written === live.written;
  const since = same ? before.since : Date.now();

  function tell() {
    const silent = Math.round((Date.now() - since) / 1000);
    const often = "This page renews itself every " + live.seconds + " s.";
    if (silent > live.stale) {
      words.textContent = "Nothing new for " + Math.round(silent / 60 * 10) / 10
        + " min: the training may have been killed.";
    } else {
      words.textContent = live.told + " " + (paused ? "This page is paused." : often);
    }
    button.textContent = paused ? "Go on" : "Pause";
  }

  // ---- what the reader had before: the place, what was unfolded, where the keys go

  function stops() {
    return Array.from(document.querySelectorAll("a[href], button, summary, [tabindex]"));
  }

  function unfolded() {
    return Array.from(document.querySelectorAll("details"), function (each) { return each.open; });
  }

  function remember() {
    keep({
      left: window.scrollX, top: window.scrollY, open: unfolded(), paused: paused,
      focus: stops().indexOf(document.activeElement), written: live.written, since: since,
    });
  }

  function restore() {
    window.history.scrollRestoration = "manual";
    document.querySelectorAll("details").forEach(function (each, index) {
      each.open = (before.open || [])[index] === true;
    });
    const found = stops()[before.focus];
    if (found) { found.focus({ preventScroll: true }); }
    if (before.top !== undefined) {
      window.scrollTo({ left: before.left, top: before.top, behavior: "instant" });
    }
  }

  // ---- the renewal, which waits for a reader who is just reading a chart or marking text

  function busy() {
    const marked = window.getSelection();
    return document.hidden || (marked && !marked.isCollapsed)
      || document.querySelector(".chart:hover, .chart:focus") !== null;
  }

  let left = live.seconds * 1000;
  window.setInterval(function () {
    left -= TICK;
    tell();
    if (left <= 0 && !paused && !busy()) {
      remember();
      window.location.reload();
      left = live.seconds * 1000;
    }
  }, TICK);
  button.addEventListener("click", function () {
    paused = !paused;
    remember();
    tell();
  });
  tell();
  restore();
});
