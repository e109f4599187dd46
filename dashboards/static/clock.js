// Site time for people: the day, the clock, and the offset from UTC where a clock that is set back shows an hour twice.
"use strict";
const siteClock = (zone, lang) => {
  const days = new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { timeZone: zone, weekday: "short", day: "numeric" });
  const clocks = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  const fields = new Intl.DateTimeFormat("en", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  });
  const read = (second) => Object.fromEntries(fields.formatToParts(second * 1000).map((part) => [part.type, Number(part.value)]));
  const offset = (second) => {
    const at = Math.floor(second), { year, month, day, hour, minute, second: rest } = read(at);
    return Date.UTC(year, month - 1, day, hour, minute, rest) / 1000 - at;
  };
  // No clock is set back by more than this, nor twice within it.
  const AROUND = 3 * 3600;
  const twice = (second) => {
    const before = offset(second - AROUND), after = offset(second + AROUND), here = offset(second);
    if (before <= after) return false;
    return here === before ? offset(second + before - after) === after : offset(second - before + after) === before;
  };
  const named = (second) => {
    const minutes = Math.round(offset(second) / 60), size = Math.abs(minutes);
    const rest = size % 60 ? `:${String(size % 60).padStart(2, "0")}` : "";
    return `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`;
  };
  const moment = (second) => {
    const [hour, minute] = clocks.format(second * 1000).split(":");
    const shown = `${days.format(second * 1000)}, ${lang === "fr" ? `${Number(hour)} h ${minute}` : `${hour}:${minute}`}`;
    return twice(second) ? `${shown} (${named(second)})` : shown;
  };
  // « 8 h », « 8 h 15 » in French, 08:00 elsewhere; the day at midnight; `step` is the distance of the marks in seconds.
  const mark = (second, step) => {
    const found = read(second), minute = String(found.minute).padStart(2, "0");
    if (step >= 86400 || (found.hour === 0 && found.minute === 0 && step >= 60)) return days.format(second * 1000);
    const tail = step < 60 && found.second ? `:${String(found.second).padStart(2, "0")}` : "";
    const shown = lang !== "fr" ? `${String(found.hour).padStart(2, "0")}:${minute}${tail}`
      : found.minute === 0 && !tail ? `${found.hour} h` : `${found.hour} h ${minute}${tail}`;
    return twice(second) ? `${shown}\n${named(second)}` : shown;
  };
  return { moment, mark };
};
