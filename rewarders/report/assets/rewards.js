// Filters and order of the rewarded pictures. State lives in the URL's hash, so that a link keeps it.
(() => {
  "use strict";
  const form = document.querySelector("[data-filters]");
  if (!form) return;
  const list = document.querySelector("[data-cards]");
  const count = form.querySelector("[data-count]");
  const nothing = document.querySelector("[data-nothing]");
  const keys = ["place", "verdict", "category", "task"];
  const cards = [...document.querySelectorAll("[data-card]")].map((element) => ({
    element,
    data: element.dataset,
    text: element.querySelector("[data-prompt]").textContent.toLowerCase(),
  }));
  const number = new Intl.NumberFormat("en");
  const read = () => Object.fromEntries(new FormData(form));
  let order = "best";

  const show = () => {
    const wanted = read();
    const words = String(wanted.text || "").trim().toLowerCase();
    let shown = 0;
    for (const card of cards) {
      const visible =
        keys.every((key) => !wanted[key] || card.data[key] === wanted[key]) &&
        (!words || card.text.includes(words));
      card.element.hidden = !visible;
      shown += visible;
    }
    if (wanted.order && wanted.order !== order) {
      order = wanted.order;
      cards.reverse();
      // Pictures without a reward stay last in either order.
      const last = (card) => Number(card.data.place === "unscored");
      cards.sort((a, b) => last(a) - last(b));
      list.append(...cards.map((card) => card.element));
    }
    document.body.dataset.veil = wanted.veil || "none";
    const outlines = form.elements.namedItem("outlines");
    document.body.classList.toggle("no-boxes", Boolean(outlines) && !outlines.checked);
    count.textContent = `${number.format(shown)} of ${number.format(cards.length)}`;
    nothing.hidden = shown > 0;
  };

  const toHash = () => {
    const state = new URLSearchParams();
    for (const [key, value] of Object.entries(read())) if (String(value).trim()) state.set(key, value);
    history.replaceState(null, "", `#${state}`);
  };

  // A value that is not on offer changes nothing.
  const fromHash = () => {
    for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
      const control = form.elements.namedItem(key);
      if (control instanceof RadioNodeList) {
        const chosen = [...control].find((one) => one.value === value);
        if (chosen) chosen.checked = true;
      } else if (control && control.type !== "checkbox") {
        if (control.type === "search" || [...control.options].some((one) => one.value === value))
          control.value = value;
      }
    }
    show();
  };

  form.addEventListener("input", () => { show(); toHash(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", fromHash);
  fromHash();
})();
