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
