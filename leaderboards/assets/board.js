// One table of a leaderboard: sorting, filtering, and picking two models. State lives in the URL's hash.
(() => {
  "use strict";
  const form = document.querySelector("[data-controls]");
  const table = document.querySelector(".board");
  if (!form || !table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((element, order) => ({
    element,
    order,
    name: element.querySelector("[data-name]").textContent,
    pick: element.querySelector("[name=pick]"),
    complete: !("incomplete" in element.dataset),
  }));
  const heads = [...table.querySelectorAll("th[data-sort]")];
  const count = form.querySelector("[data-count]");
  const reset = form.querySelector("[data-reset]");
  const picked = form.querySelector("[data-picked]");
  const compare = form.querySelector("[data-compare]");
  const nothing = document.querySelector("[data-nothing]");
  const sorted = document.querySelector("[data-sorted]");
  const field = (name) => form.elements.namedItem(name);
  const START = "rank:ascending";
  const BEST = sorted.textContent;
  let order = START;
  let picks = [];

  const sort = (wanted) => {
    const [key, direction] = wanted.split(":");
    const head = heads.find((one) => one.dataset.sort === key);
    if (!head || (direction !== "ascending" && direction !== "descending")) return sort(START);
    const sign = direction === "ascending" ? 1 : -1;
    const value = (row) => (key === "name" ? row.name : row.element.dataset[key]);
    const compareRows = (a, b) => {
      // By rank means the table's own order, best value first, which ranks alone do not give.
      if (key === "rank") return sign * (a.order - b.order);
      const [x, y] = [value(a), value(b)];
      if (key !== "name" && (x === "" || y === "")) return (x === "") - (y === "") || a.order - b.order;
      const gap = key === "name" ? x.localeCompare(y, "en") : Number(x) - Number(y);
      return sign * gap || a.order - b.order;
    };
    body.append(...[...rows].sort(compareRows).map((row) => row.element));
    for (const one of heads) {
      if (one === head) one.setAttribute("aria-sort", direction);
      else one.removeAttribute("aria-sort");
    }
    order = `${key}:${direction}`;
    const plain = order === START;
    // The lines between tie groups have a meaning only in the table's own order.
    table.toggleAttribute("data-cuts", plain);
    sorted.textContent = plain ? BEST : `Sorted by ${head.textContent.trim()}, ${direction}.`;
    const select = field("sort");
    select.value = [...select.options].some((one) => one.value === order) ? order : "";
    return order;
  };

  const show = () => {
    const words = field("text").value.trim().toLowerCase();
    const complete = field("complete");
    let shown = 0;
    for (const row of rows) {
      const visible = (!words || row.name.toLowerCase().includes(words)) && (!complete?.checked || row.complete);
      row.element.hidden = !visible;
      shown += visible;
    }
    count.textContent = `${shown} of ${rows.length}`;
    nothing.hidden = shown > 0;
    reset.hidden = !words && !complete?.checked;
  };

  const pick = () => {
    for (const row of rows) row.pick.checked = picks.includes(row.pick.value);
    const names = picks.map((slug) => rows.find((row) => row.pick.value === slug).name);
    const texts = ["Tick two to compare them.", `Picked ${names[0]}; tick one more.`, `Picked ${names[0]} and ${names[1]}.`];
    picked.textContent = texts[picks.length];
    compare.hidden = picks.length !== 2;
    if (picks.length === 2) {
      const state = new URLSearchParams({ board: form.dataset.board, a: picks[0], b: picks[1] });
      compare.href = `../compare.html#${state}`;
    }
  };

  const toHash = () => {
    const state = new URLSearchParams();
    if (field("text").value.trim()) state.set("text", field("text").value.trim());
    if (field("complete")?.checked) state.set("complete", "1");
    if (order !== START) state.set("sort", order);
    const hash = state.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

  // A hash without "=" is an anchor: the row of one model.
  const fromHash = () => {
    const hash = location.hash.slice(1);
    const state = new URLSearchParams(hash.includes("=") ? hash : "");
    field("text").value = state.get("text") || "";
    if (field("complete")) field("complete").checked = state.get("complete") === "1";
    sort(state.get("sort") || START);
    show();
  };

  for (const head of heads) {
    head.querySelector("button").addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const next = now ? (now === "ascending" ? "descending" : "ascending") : head.dataset.first;
      sort(`${head.dataset.sort}:${next}`);
      toHash();
    });
  }
  let waiting = 0;
  form.addEventListener("input", (event) => {
    if (event.target.name === "sort") sort(event.target.value);
    clearTimeout(waiting);
    waiting = setTimeout(() => { show(); toHash(); }, event.target.name === "text" ? 120 : 0);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  reset.addEventListener("click", () => {
    field("text").value = "";
    if (field("complete")) field("complete").checked = false;
    show();
    toHash();
    field("text").focus();
  });
  body.addEventListener("change", (event) => {
    if (event.target.name !== "pick") return;
    // A third tick takes the place of the first.
    if (event.target.checked) picks = [...picks, event.target.value].slice(-2);
    else picks = picks.filter((slug) => slug !== event.target.value);
    pick();
  });
  addEventListener("hashchange", fromHash);
  fromHash();
  pick();
})();
