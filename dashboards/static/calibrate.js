// One calibration: starts on the button, shows the inclination, then offers the record or says the refusal.
"use strict";
(() => {
  const box = document.getElementById("calibrate");
  if (!box || !window.EventSource) return;
  const step = document.getElementById("cal-step");
  const angle = document.getElementById("cal-angle");
  const answer = document.getElementById("cal-answer");
  const start = document.getElementById("cal-start");
  const form = document.getElementById("cal-form");
  const trunk = document.getElementById("cal-trunk");
  let events = null;
  const end = (text) => {
    if (events) events.close();
    events = null;
    start.disabled = false;
    answer.textContent = text;
  };
  start.addEventListener("click", () => {
    start.disabled = true;
    form.hidden = true;
    answer.textContent = "";
    events = new EventSource(box.dataset.url);
    events.addEventListener("step", (event) => {
      step.textContent = box.dataset[JSON.parse(event.data).step];
    });
    events.addEventListener("angle", (event) => {
      const degrees = JSON.parse(event.data).degrees;
      angle.textContent = `${Math.round(degrees)}°`;
      trunk.setAttribute("transform", `rotate(${Math.min(120, degrees)} 60 72)`);
    });
    events.addEventListener("refused", (event) => end(JSON.parse(event.data).text));
    events.addEventListener("found", (event) => {
      const found = JSON.parse(event.data);
      end(found.text);
      form.elements.key.value = found.key;
      form.hidden = false;
    });
    events.addEventListener("error", () => {
      if (events) end(box.dataset.lost);
    });
  });
  addEventListener("pagehide", () => events && events.close());
})();
