// Timeline: the server thins, the page draws; every zoom asks again. Gaps stay open and hatched.
"use strict";
(() => {
  const box = document.getElementById("curve");
  if (!box) return;
  const { lang, zone, unit } = box.dataset;
  const whole = [Number(box.dataset.from), Number(box.dataset.to)];
  const status = document.getElementById("curve-window");
  const moment = new Intl.DateTimeFormat(lang, {
    timeZone: zone, weekday: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const figures = new Intl.NumberFormat(lang, { maximumFractionDigits: 1 });
  let shown = whole;
  let data = null;
  let plot = null;
  let asked = 0;

  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // light-dark() only resolves on a real property, so a probe element tells the colour in use.
  const probe = document.createElement("span");
  probe.hidden = true;
  box.after(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color || ink(name);
  };

  function hatch(context, x, y, width, height) {
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.strokeStyle = colour("--rule-2");
    context.lineWidth = devicePixelRatio;
    const step = 6 * devicePixelRatio;
    context.beginPath();
    for (let at = x - height; at < x + width; at += step) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.stroke();
    context.restore();
  }

  function behind(u) {
    const { left, top, width, height } = u.bbox;
    const clip = (second) => Math.min(Math.max(u.valToPos(second, "x", true), left), left + width);
    u.ctx.fillStyle = colour("--sheet");
    for (const shift of data.shifts) {
      u.ctx.fillRect(clip(shift.from), top, clip(shift.to) - clip(shift.from), height);
      u.ctx.fillStyle = colour("--paper");
      for (const [from, to] of shift.breaks) u.ctx.fillRect(clip(from), top, clip(to) - clip(from), height);
      u.ctx.fillStyle = colour("--sheet");
    }
    for (const [from, to] of data.gaps) {
      const inShift = data.shifts.some((shift) => shift.from < to && shift.to > from);
      if (inShift || data.shifts.length === 0) {
        for (const part of data.shifts.length ? data.shifts : [{ from, to }]) {
          const start = Math.max(from, part.from), end = Math.min(to, part.to);
          if (end > start) hatch(u.ctx, clip(start), top, clip(end) - clip(start), height);
        }
      }
    }
    u.ctx.fillStyle = colour("--unsettled-wash");
    for (const [from, to] of data.excluded) u.ctx.fillRect(clip(from), top, clip(to) - clip(from), height);
  }

  function before(u) {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(left, top, width, height);
    u.ctx.clip();
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.font = `${12 * devicePixelRatio}px "Source Sans 3", sans-serif`;
    u.ctx.textAlign = "right";
    u.ctx.textBaseline = "alphabetic";
    let lastY = -Infinity, step = 0;
    for (const [value, name] of [...data.limits].sort((a, b) => b[0] - a[0])) {
      const y = u.valToPos(value, "y", true);
      if (y < top || y > top + height) continue;
      // Labels of limits that lie close together stand side by side.
      step = y - lastY < 15 * devicePixelRatio ? step + 1 : 0;
      lastY = y;
      u.ctx.strokeStyle = u.ctx.fillStyle = colour("--ink");
      u.ctx.beginPath();
      u.ctx.moveTo(left, y);
      u.ctx.lineTo(left + width, y);
      u.ctx.stroke();
      const x = left + width - (6 + 240 * step) * devicePixelRatio;
      u.ctx.strokeStyle = colour("--paper");
      u.ctx.lineWidth = 4 * devicePixelRatio;
      u.ctx.strokeText(name, x, y - 4 * devicePixelRatio);
      u.ctx.lineWidth = devicePixelRatio;
      u.ctx.fillText(name, x, y - 4 * devicePixelRatio);
    }
    for (const note of document.querySelectorAll("[data-note]")) {
      const x = u.valToPos(Number(note.dataset.note), "x", true);
      if (x < left || x > left + width) continue;
      u.ctx.fillStyle = colour("--ink");
      u.ctx.fillRect(x - 1, top, 2, 10 * devicePixelRatio);
    }
    u.ctx.restore();
  }

  const clock = (u, ticks, axis, space, step) => ticks.map((second) => {
    const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(step < 60 ? { second: "2-digit" } : {}) };
    const say = (parts) => new Intl.DateTimeFormat(lang, { timeZone: zone, ...parts }).format(second * 1000);
    const midnight = say({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).replace(/\D/g, "") === "0000";
    return step >= 86400 || midnight ? say({ weekday: "short", day: "numeric" }) : say(hour);
  });

  function draw() {
    if (plot) plot.destroy();
    const line = colour("--ink"), soft = colour("--ink-2"), rule = colour("--rule");
    const axis = { stroke: soft, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule }, font: '12px "Source Sans 3", sans-serif' };
    const number = (u, value) => (value === null || value === undefined ? "–" : `${figures.format(value)} ${unit}`);
    const range = (u, low, high) => {
      const values = [low, high, ...data.limits.map((limit) => limit[0])].filter((v) => v !== null && isFinite(v));
      if (!values.length) return [0, 1];
      const bottom = Math.min(...values), top = Math.max(...values);
      const margin = (top - bottom) * 0.06 || 1;
      return [bottom - margin, top + margin];
    };
    plot = new uPlot({
      width: box.clientWidth, height: Math.max(260, Math.min(420, box.clientWidth * 0.36)),
      tzDate: (second) => uPlot.tzDate(new Date(second * 1000), zone),
      cursor: { drag: { x: true, y: false, setScale: false } },
      scales: { x: { min: shown[0], max: shown[1] }, y: { range } },
      axes: [{ ...axis, values: clock }, { ...axis, size: 56, values: (u, ticks) => ticks.map((v) => figures.format(v)) }],
      series: [
        { label: box.dataset.time, value: (u, second) => (second ? moment.format(second * 1000) : "–") },
        { label: box.dataset.low, stroke: "transparent", points: { show: false }, value: number },
        { label: box.dataset.high, stroke: "transparent", points: { show: false }, value: number },
        { label: box.dataset.mean, stroke: line, width: 1.3, points: { show: false }, value: number },
      ],
      bands: [{ series: [2, 1], fill: colour("--rule-2") }],
      hooks: { drawClear: [behind], draw: [before], setSelect: [picked] },
    }, [data.t, data.low, data.high, data.mean], box);
    plot.over.addEventListener("dblclick", () => ask(whole));
    box.dataset.points = String(data.t.length);
    box.dataset.nulls = String(data.mean.filter((value) => value === null).length);
    status.textContent = `${moment.format(shown[0] * 1000)} – ${moment.format(shown[1] * 1000)}`;
    const local = (second) => new Date(second * 1000).toLocaleString("sv-SE", { timeZone: zone }).slice(0, 16).replace(" ", "T");
    const from = document.getElementById("ex-from"), to = document.getElementById("ex-to");
    if (from && (shown[0] !== whole[0] || shown[1] !== whole[1])) {
      from.value = local(shown[0]);
      to.value = local(shown[1]);
    }
  }

  function picked(u) {
    if (u.select.width < 4) return;
    const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    ask([from, to]);
  }

  async function ask(wanted) {
    const width = Math.max(60, wanted[1] - wanted[0]);
    const from = Math.min(Math.max(wanted[0], whole[0]), whole[1] - Math.min(width, whole[1] - whole[0]));
    const to = Math.min(whole[1], from + width);
    const mine = ++asked;
    box.dataset.state = "asking";
    const url = new URL(box.dataset.url, location.href);
    url.searchParams.set("from", from);
    url.searchParams.set("to", to);
    url.searchParams.set("px", Math.max(200, Math.round(box.clientWidth)));
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(await answer.text());
      const found = await answer.json();
      if (mine !== asked) return;
      data = found;
      shown = [from, to];
      draw();
      box.dataset.state = "drawn";
    } catch (error) {
      box.dataset.state = "failed";
      status.textContent = `${box.dataset.failed} ${error.message}`;
    }
  }

  for (const button of document.querySelectorAll("[data-move]")) {
    button.addEventListener("click", () => {
      const [from, to] = shown, span = to - from, middle = (from + to) / 2;
      const moves = {
        left: [from - span / 2, to - span / 2], right: [from + span / 2, to + span / 2],
        in: [middle - span / 4, middle + span / 4], out: [middle - span, middle + span], all: whole,
      };
      ask(moves[button.dataset.move]);
    });
  }
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => ask(shown), 200); });
  document.addEventListener("vigiposte-theme", () => data && draw());
  ask(whole);
})();
