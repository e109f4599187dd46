// Theme, workstation choice and live updates; every page works without it.
"use strict";
(() => {
  const root = document.documentElement;
  const stored = localStorage.getItem("vigiposte-theme");
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;
  const button = document.getElementById("theme");
  if (button) {
    button.addEventListener("click", () => {
      const dark = root.dataset.theme
        ? root.dataset.theme === "dark"
        : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      localStorage.setItem("vigiposte-theme", root.dataset.theme);
      document.dispatchEvent(new Event("vigiposte-theme"));
    });
  }

  for (const form of document.querySelectorAll("form[data-station]")) {
    const select = form.querySelector("select");
    form.addEventListener("submit", (event) => event.preventDefault());
    select.addEventListener("change", () => location.assign(select.value));
  }

  // A browser shows dates in its own language; the label says each in the page's.
  const lang = root.lang;
  const clock = (moment) => (lang === "fr"
    ? `${moment.getHours()} h ${String(moment.getMinutes()).padStart(2, "0")}`
    : `${String(moment.getHours()).padStart(2, "0")}:${String(moment.getMinutes()).padStart(2, "0")}`);
  for (const input of document.querySelectorAll("input[type=date], input[type=datetime-local], input[type=time]")) {
    const label = document.querySelector(`label[for="${input.id}"]`);
    if (!label) continue;
    const words = document.createElement("span");
    words.className = "in-words";
    words.id = `${input.id}-words`;
    words.ariaHidden = "true";
    label.append(words);
    input.setAttribute("aria-describedby", words.id);
    const say = () => {
      const moment = new Date(input.type === "time" ? `2000-01-01T${input.value}` : input.type === "date" ? `${input.value}T00:00` : input.value);
      const day = { weekday: "short", day: "numeric", month: "short", year: "numeric" };
      words.textContent = isNaN(moment) ? "" : [
        input.type === "time" ? "" : new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, day).format(moment),
        input.type === "date" ? "" : clock(moment),
      ].filter(Boolean).join(", ");
    };
    input.addEventListener("input", say);
    say();
  }

  const live = document.getElementById("live");
  if (live && live.dataset.events && window.EventSource) {
    const events = new EventSource(live.dataset.events);
    events.addEventListener("sensors", (event) => {
      const state = JSON.parse(event.data);
      live.textContent = state.running ? live.dataset.running : live.dataset.stopped;
      const moment = document.getElementById("live-moment");
      if (moment) moment.textContent = state.moment;
      for (const row of document.querySelectorAll("tr[data-sensor]")) {
        const known = state.sensors[row.dataset.sensor];
        if (!known) continue;
        row.querySelector("[data-seen]").textContent = known[0];
        row.querySelector("[data-state]").textContent = known[1];
        row.querySelector(".state").className = `state sev${known[2]}`;
      }
    });
    addEventListener("pagehide", () => events.close());
  }
})();
