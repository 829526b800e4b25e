/* Comfort for those who have scripts: the page works without. Loaded in the head, so that the theme is there before the first paint. */
"use strict";

(() => {
  const THEME = "backissue-theme";
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");

  /* Storage may be forbidden; the theme then lasts for this page only. */
  const remembered = () => {
    try {
      return localStorage.getItem(THEME);
    } catch {
      return null;
    }
  };
  const remember = (theme) => {
    try {
      if (theme) localStorage.setItem(THEME, theme);
      else localStorage.removeItem(THEME);
    } catch {
      return;
    }
  };
  const systemTheme = () => (prefersDark.matches ? "dark" : "light");
  const theme = () => root.dataset.theme || systemTheme();

  const known = remembered();
  if (known === "dark" || known === "light") root.dataset.theme = known;

  function themeButton() {
    const button = document.querySelector(".theme");
    const name = button.querySelector(".theme-name");
    const other = () => (theme() === "dark" ? "light" : "dark");
    const show = () => (name.textContent = other());
    button.addEventListener("click", () => {
      const chosen = other();
      const asSystem = chosen === systemTheme();
      if (asSystem) delete root.dataset.theme;
      else root.dataset.theme = chosen;
      remember(asSystem ? null : chosen);
      show();
    });
    prefersDark.addEventListener("change", show);
    show();
    button.hidden = false;
  }

  /* Fields left empty stay out of the address. */
  function cleanAddresses() {
    for (const form of document.forms) {
      form.addEventListener("formdata", ({ formData }) => {
        for (const [name, value] of [...formData]) if (!value.trim()) formData.delete(name);
      });
    }
  }

  /* A long timeline opens at its chosen month, or else at its end: the newest. */
  function scrollTimeline() {
    const line = document.querySelector(".timeline");
    if (!line) return;
    const chosen = line.querySelector("[aria-current]");
    line.scrollLeft = chosen ? chosen.offsetLeft - line.clientWidth / 2 : line.scrollWidth;
  }

  function moveBy(step) {
    const links = [...document.querySelectorAll("a.headline")];
    if (!links.length) return;
    const here = links.indexOf(document.activeElement);
    const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
    const link = links[Math.max(0, Math.min(links.length - 1, next))];
    link.focus({ preventScroll: true });
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    (link.closest("li") || link).scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  function openHelp() {
    const help = document.getElementById("help");
    help.open = !help.open;
    help.querySelector("summary").focus({ preventScroll: true });
    if (help.open) help.scrollIntoView({ block: "nearest" });
  }

  function focusQuestion() {
    const box = document.getElementById("q");
    if (!box) return;
    box.focus();
    box.select();
  }

  const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]");
  const onHeadline = () => document.activeElement.matches("a.headline");
  const keys = {
    "/": focusQuestion,
    "?": openHelp,
    j: () => moveBy(1),
    k: () => moveBy(-1),
    ArrowDown: () => onHeadline() && moveBy(1),
    ArrowUp: () => onHeadline() && moveBy(-1),
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (!Object.hasOwn(keys, event.key) || (event.key.startsWith("Arrow") && !onHeadline())) return;
    event.preventDefault();
    keys[event.key]();
  }

  document.addEventListener("DOMContentLoaded", () => {
    themeButton();
    cleanAddresses();
    scrollTimeline();
    document.addEventListener("keydown", onKey);
    const front = document.querySelector("body.front");
    if (front && matchMedia("(hover: hover)").matches) focusQuestion();
  });
})();
