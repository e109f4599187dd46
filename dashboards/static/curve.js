// Timeline: the server thins, the page draws; every zoom asks again. Gaps stay open and hatched.
"use strict";
(() => {
  const box = document.getElementById("curve");
  if (!box) return;
  const { lang, zone, unit } = box.dataset;
  const whole = [Number(box.dataset.from), Number(box.dataset.to)];
  const status = document.getElementById("curve-window");
  const { moment, mark } = siteClock(zone, lang);
  const figures = new Intl.NumberFormat(lang, { maximumFractionDigits: 1 });
  // English sets the per cent sign and the degree of angles close, as typography.py does.
  const joint = unit === "°" || (unit === "%" && lang === "en") ? "" : "\u00a0";
  const tenths = new Intl.NumberFormat(lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const quantity = (value) => `${tenths.format(value)}${joint}${unit}`;
  const wide = () => box.clientWidth >= 720;
  const MARGIN = 164;
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
    for (const [from, to] of worked(data.gaps)) hatch(u.ctx, clip(from), top, clip(to) - clip(from), height);
    u.ctx.fillStyle = colour("--unsettled-wash");
    for (const [from, to] of data.excluded) u.ctx.fillRect(clip(from), top, clip(to) - clip(from), height);
  }

  // Text with an edge in the colour of the paper, cut to the room it has.
  function write(u, text, x, y, room, align = "left", { strong = false, whole = false } = {}) {
    const ratio = devicePixelRatio;
    u.ctx.font = `${strong ? "700 " : ""}${12 * ratio}px "Source Sans 3", sans-serif`;
    let shown = text;
    if (whole && u.ctx.measureText(text).width > room) return;
    while (shown && u.ctx.measureText(shown).width > room) shown = shown.slice(0, -1);
    if (shown.length < Math.min(text.length, 4)) return;
    if (shown !== text) shown = `${shown.slice(0, -1)}…`;
    u.ctx.textAlign = align;
    u.ctx.textBaseline = "alphabetic";
    u.ctx.lineWidth = 4 * ratio;
    u.ctx.strokeStyle = colour("--paper");
    u.ctx.strokeText(shown, x, y);
    u.ctx.fillText(shown, x, y);
  }

  // A text broken at its blanks into lines that fit the room.
  function lines(u, text, room) {
    u.ctx.font = `${12 * devicePixelRatio}px "Source Sans 3", sans-serif`;
    const made = [];
    for (const word of text.split(" ")) {
      const longer = made.length ? `${made[made.length - 1]} ${word}` : word;
      if (made.length && u.ctx.measureText(longer).width <= room) made[made.length - 1] = longer; else made.push(word);
    }
    return made;
  }

  function named(u) {
    const ratio = devicePixelRatio, { left, top, width, height } = u.bbox;
    const clip = (second) => Math.min(Math.max(u.valToPos(second, "x", true), left), left + width);
    u.ctx.fillStyle = colour("--ink-3");
    for (const shift of data.shifts) write(u, shift.name, clip(shift.from) + 4 * ratio, top - 5 * ratio, clip(shift.to) - clip(shift.from) - 8 * ratio, "left", { whole: true });
    u.ctx.fillStyle = colour("--ink-2");
    for (const [from, to] of worked(data.gaps)) write(u, lasting(to - from), (clip(from) + clip(to)) / 2, top + height - 8 * ratio, clip(to) - clip(from) - 4 * ratio, "center", { whole: true });
    for (const [from, to, reason] of data.excluded) write(u, reason, clip(from) + 4 * ratio, top + 14 * ratio, Math.max(clip(to) - clip(from), 120 * ratio) - 8 * ratio);
  }

  const lasting = (seconds) => (seconds < 5400 ? `${figures.format(Math.max(1, Math.round(seconds / 60)))} min` : `${figures.format(seconds / 3600)} h`);
  // The parts of gaps in which the workstation was in use; all of a gap where no shift is planned.
  const worked = (gaps) => (data.shifts.length ? gaps.flatMap(([from, to]) => data.shifts
    .map((shift) => [Math.max(from, shift.from), Math.min(to, shift.to)]).filter(([a, b]) => b > a)) : gaps);

  function before(u) {
    const { left, top, width, height } = u.bbox;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(left, top, width, height);
    u.ctx.clip();
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.strokeStyle = colour("--ink");
    const inside = [...data.limits].sort((a, b) => b[0] - a[0])
      .map(([value, name]) => [u.valToPos(value, "y", true), name]).filter(([y]) => y >= top && y <= top + height);
    for (const [y] of inside) {
      u.ctx.beginPath();
      u.ctx.moveTo(left, y);
      u.ctx.lineTo(left + width, y);
      u.ctx.stroke();
    }
    for (const note of document.querySelectorAll("[data-note]")) {
      const x = u.valToPos(Number(note.dataset.note), "x", true);
      if (x < left || x > left + width) continue;
      u.ctx.fillStyle = colour("--ink");
      u.ctx.fillRect(x - devicePixelRatio, top, 2 * devicePixelRatio, height);
      write(u, note.dataset.text, x + 5 * devicePixelRatio, top + 14 * devicePixelRatio, 190 * devicePixelRatio, "left", { strong: true });
    }
    u.ctx.restore();
    u.ctx.fillStyle = colour("--ink");
    // Names of limits stand in the margin, one under the other where the lines are close, long ones on several lines.
    let lastY = -Infinity;
    const room = (wide() ? MARGIN : 40) * devicePixelRatio;
    for (const [y, name] of inside) {
      for (const [index, shown] of (wide() ? lines(u, name, room) : [name.split(" ")[0]]).entries()) {
        lastY = Math.max(y + (4 + 13 * index) * devicePixelRatio, lastY + (index ? 13 : 15) * devicePixelRatio);
        write(u, shown, left + width + 6 * devicePixelRatio, lastY, room);
      }
    }
    named(u);
  }

  function draw() {
    if (plot) plot.destroy();
    const line = colour("--ink"), soft = colour("--ink-2"), rule = colour("--rule");
    const axis = { stroke: soft, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule }, font: '12px "Source Sans 3", sans-serif' };
    const number = (u, value) => (value === null || value === undefined ? "–" : quantity(value));
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
      padding: [22, wide() ? MARGIN + 8 : 44, 0, 0],
      cursor: { drag: { x: true, y: false, setScale: false } },
      scales: { x: { min: shown[0], max: shown[1] }, y: { range } },
      axes: [{ ...axis, values: (u, ticks, index, space, step) => ticks.map((second) => mark(second, step)) }, { ...axis, size: 56, values: (u, ticks) => ticks.map((v) => figures.format(v)) }],
      series: [
        { label: box.dataset.time, value: (u, second) => (second ? moment(second) : "–") },
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
    status.textContent = `${moment(shown[0])} – ${moment(shown[1])}`;
    describe();
    const local = (second) => new Date(second * 1000).toLocaleString("sv-SE", { timeZone: zone }).slice(0, 16).replace(" ", "T");
    const from = document.getElementById("ex-from"), to = document.getElementById("ex-to");
    if (from && (shown[0] !== whole[0] || shown[1] !== whole[1])) {
      from.value = local(shown[0]);
      to.value = local(shown[1]);
      for (const field of [from, to]) field.dispatchEvent(new Event("input"));
    }
  }

  // What the eye takes from the drawing, in words: mean and percentiles of the window, and its gaps.
  function describe() {
    const summary = document.getElementById("curve-summary"), gaps = document.getElementById("curve-gaps");
    const { mean, ...percentiles } = data.summary;
    summary.textContent = mean === undefined ? "" : [
      `${box.dataset.mean} ${quantity(mean)}`,
      ...Object.entries(percentiles).map(([name, value]) => `${name} ${tenths.format(value)}`),
    ].join(" · ");
    const open = worked(data.gaps).filter(([from, to]) => to - from >= 60).sort((a, b) => b[1] - b[0] - (a[1] - a[0]));
    gaps.textContent = open.length === 0 ? "" : `${box.dataset.gap} ${open.slice(0, 6)
      .map(([from, to]) => `${moment(from)} (${lasting(to - from)})`).join(", ")}${open.length > 6 ? "…" : ""}`;
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
      document.dispatchEvent(new CustomEvent("vigiposte-stretch", { detail: { shown, whole } }));
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
  for (const button of document.querySelectorAll("[data-day]")) {
    button.addEventListener("click", () => ask(button.dataset.day.split(" ").map(Number)));
  }
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => ask(shown), 200); });
  document.addEventListener("vigiposte-theme", () => data && draw());
  ask(box.dataset.open.split(" ").map(Number));
})();
