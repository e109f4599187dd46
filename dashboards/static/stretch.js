// Beneath the curve: the distribution of the stretch it shows, asked anew with every zoom.
"use strict";
(() => {
  const box = document.getElementById("stretch"), part = document.getElementById("stretch-part");
  if (!box || !part) return;
  const link = document.getElementById("stretch-page");
  let running = null;

  const within = (address, [from, to]) => {
    const url = new URL(address, location.href);
    url.searchParams.set("from", from);
    url.searchParams.set("to", to);
    return url;
  };

  async function ask(stretch) {
    running?.abort();
    const mine = running = new AbortController();
    box.dataset.state = "asking";
    try {
      const answer = await fetch(within(box.dataset.url, stretch), { credentials: "same-origin", signal: mine.signal });
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      // Parsed apart, so that nothing in it could run; drawings are the server's own.
      part.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
      box.dataset.state = "drawn";
    } catch (error) {
      if (mine.signal.aborted) return;
      part.textContent = `${box.dataset.failed} ${error.message}`;
      box.dataset.state = "failed";
    }
  }

  document.addEventListener("vigiposte-stretch", ({ detail: { shown, whole } }) => {
    ask(shown);
    link.href = within(link.href, shown).href;
    // The address keeps the stretch: it can be reloaded, sent on and gone back to.
    const here = within(location.href, shown);
    if (shown[0] === whole[0] && shown[1] === whole[1]) for (const name of ["from", "to"]) here.searchParams.delete(name);
    history.replaceState(null, "", here);
    const other = document.querySelector("a[hreflang]");
    if (other) {
      const target = new URL(other.href);
      for (const name of ["from", "to"]) {
        if (here.searchParams.has(name)) target.searchParams.set(name, here.searchParams.get(name)); else target.searchParams.delete(name);
      }
      other.href = target.href;
    }
  });
})();
