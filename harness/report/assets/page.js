// Filters of the picture grid. State lives in the URL's hash, so that a link keeps it.
(() => {
  "use strict";
  const form = document.querySelector("[data-filters]");
  if (!form) return;
  const count = form.querySelector("[data-count]");
  const reset = form.querySelector("[data-reset]");
  const nothing = document.querySelector("[data-nothing]");
  const lazy = self.lazyCards ? self.lazyCards() : null;
  const cards = lazy ? lazy.cards : [...document.querySelectorAll("[data-card]")].map((element) => ({
    element,
    verdict: element.dataset.verdict,
    category: element.dataset.category,
    task: element.dataset.task,
    unseen: "unseen" in element.dataset,
    text: element.querySelector("[data-prompt]").textContent.toLowerCase(),
  }));
  const number = new Intl.NumberFormat("en");
  const names = ["verdict", "task", "category", "text", "unseen"];
  const field = (name) => form.elements.namedItem(name);

  const read = () => {
    const data = new FormData(form);
    return Object.fromEntries(names.map((name) => [name, String(data.get(name) || "")]));
  };

  const show = () => {
    const wanted = read();
    const words = wanted.text.trim().toLowerCase();
    let shown = 0;
    const visibleCards = [];
    for (const card of cards) {
      const visible =
        (!wanted.verdict || card.verdict === wanted.verdict) &&
        (!wanted.task || card.task === wanted.task) &&
        (!wanted.category || card.category === wanted.category) &&
        (!wanted.unseen || card.unseen) &&
        (!words || card.text.includes(words));
      if (lazy) { if (visible) visibleCards.push(card); }
      else if (card.element.hidden === visible) card.element.hidden = !visible;
      shown += visible;
    }
    if (lazy) lazy.show(visibleCards);
    count.textContent = `${number.format(shown)} of ${number.format(cards.length)}`;
    nothing.hidden = shown > 0;
    reset.hidden = names.every((name) => !wanted[name]);
    const boxes = field("boxes");
    document.body.classList.toggle("no-boxes", Boolean(boxes) && !boxes.checked);
  };

  const toHash = () => {
    const wanted = read();
    const state = new URLSearchParams();
    for (const name of names) if (wanted[name].trim()) state.set(name, wanted[name].trim());
    const boxes = field("boxes");
    if (boxes && !boxes.checked) state.set("boxes", "off");
    const hash = state.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  // A value that is not on offer selects "all" instead of hiding everything.
  const set = (name, value) => {
    const control = field(name);
    if (!control) return;
    if (name === "unseen") control.checked = value === "1";
    else if (name === "text") control.value = value;
    else {
      const options = control instanceof RadioNodeList ? [...control] : [...control.options];
      const chosen = options.find((option) => option.value === value) || options[0];
      if (control instanceof RadioNodeList) chosen.checked = true;
      else control.value = chosen.value;
    }
  };

  // A hash without "=" is an ordinary anchor, such as that of the skip link.
  const fromHash = () => {
    const hash = location.hash.slice(1);
    if (hash && !hash.includes("=")) return false;
    const state = new URLSearchParams(hash);
    for (const name of names) set(name, state.get(name) || "");
    const boxes = field("boxes");
    if (boxes) boxes.checked = state.get("boxes") !== "off";
    show();
    return hash !== "";
  };

  // Typing waits for a pause, so that thousands of cards are not searched at every key.
  let waiting = 0;
  const apply = () => { show(); toHash(); };
  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    if (event.target.name === "text") waiting = setTimeout(apply, 120);
    else apply();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  reset.addEventListener("click", () => {
    const boxes = field("boxes");
    const drawn = boxes && boxes.checked;
    form.reset();
    if (boxes) boxes.checked = drawn;
    apply();
    form.querySelector("[name=verdict]").focus();
  });
  const pictures = document.getElementById("pictures");
  addEventListener("hashchange", () => { if (fromHash()) pictures.scrollIntoView(); });
  fromHash();
})();
