// Two models side by side. Every number and verdict was computed before; this only looks them up.
(() => {
  "use strict";
  const form = document.querySelector("[data-choose]");
  const boards = self.leaderboard?.index?.boards || [];
  const result = document.querySelector("[data-result]");
  const problem = document.querySelector("[data-problem]");
  const MINUS = "\u2212";
  const ABSENT = "\u2013";
  const field = (name) => form.elements.namedItem(name);
  const board = () => boards.find((one) => one.slug === field("board").value);
  const loaded = new Map();

  // A page opened from the disk may load scripts from beside it, but may not fetch.
  const load = (file) => {
    if (!loaded.has(file)) {
      loaded.set(file, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `data/${file}.js`;
        script.onload = resolve;
        script.onerror = () => { loaded.delete(file); reject(new Error(`data/${file}.js cannot be read`)); };
        document.head.append(script);
      }));
    }
    return loaded.get(file);
  };

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const signed = (text) => (text.replace(/[-0.]/g, "") === "" ? text.replace("-", "") : text.replace("-", MINUS));
  const number = (value, about) => (value === null ? ABSENT : signed((value * about.factor).toFixed(about.digits)));
  const difference = (value, about) => {
    const text = number(value, about);
    return value === null || text.startsWith(MINUS) || Number(text) === 0 ? text : `+${text}`;
  };
  const pValue = (p) => (p === null ? ABSENT : p < 0.001 ? "< 0.001" : p < 0.1 ? p.toFixed(3) : p.toFixed(2));

  // Pairs are kept for i < j, second minus first; the other way round the sign turns.
  const pair = (table, a, b) => {
    const [i, j] = [table.models.indexOf(a), table.models.indexOf(b)];
    if (i < 0 || j < 0 || i === j) return null;
    const [low, high] = i < j ? [i, j] : [j, i];
    const at = low * table.models.length - (low * (low + 1)) / 2 + (high - low - 1);
    const sign = i < j ? 1 : -1;
    const turned = (value) => (value === null ? null : (sign * value) / table.unit);
    return {
      effect: turned(table.effect[at]), p: table.p[at],
      low: turned((i < j ? table.low : table.high)[at]), high: turned((i < j ? table.high : table.low)[at]),
      adjusted: table.adjusted[at], items: Array.isArray(table.items) ? table.items[at] : table.items, verdict: sign * table.verdict[at],
    };
  };

  const words = (verdict) => (verdict > 0 ? "B is better" : verdict < 0 ? "A is better" : "not told apart");

  const row = (name, about, a, b, found) => {
    const cells = [
      ["number", "A", number(a, about)],
      ["number", "B", number(b, about)],
      ["number strong", "", found ? difference(found.effect, about) : ABSENT],
      ["number", "95 %", found && found.low !== null && found.high !== null
        ? `${difference(found.low, about)} to ${difference(found.high, about)}` : ABSENT],
      ["number", "p", found ? pValue(found.p) : ABSENT],
      ["number", "p, adjusted", found ? pValue(found.adjusted) : ABSENT],
      ["number", "Items", found ? String(found.items) : ABSENT],
      ["", "", found ? words(found.verdict) : "not scored in both"],
    ];
    const made = element("tr", { role: "row" }, element("th", { scope: "row", role: "rowheader" }, name));
    for (const [kind, label, text] of cells) {
      const cell = element("td", { role: "cell", class: kind }, text);
      if (label) cell.dataset.label = label;
      made.append(cell);
    }
    return made;
  };

  const half = (card, letter) => {
    const made = element("div", { class: "half" });
    const tags = element("p", { class: "tags" }, element("b", { class: "arm" }, letter));
    if (!card) {
      made.append(element("div", { class: "picture empty" }, element("p", {}, "Not recorded")));
    } else {
      if (card.picture && card.picture.file) {
        const frame = element("div", { class: card.picture.pixelated ? "picture pixelated" : "picture" });
        frame.style.aspectRatio = `${card.picture.width}/${card.picture.height}`;
        frame.append(element("img", {
          src: card.picture.file, alt: `${letter}, drawn for: ${card.prompt}`, loading: "lazy", decoding: "async",
          width: card.picture.width, height: card.picture.height,
        }));
        made.append(frame);
      } else if (card.answer) {
        made.append(element("blockquote", { class: "answer" }, card.answer));
      } else {
        const text = card.picture ? card.picture.problem : "No picture";
        made.append(element("div", { class: "picture empty" }, element("p", {}, text)));
      }
      tags.append(element("span", { class: `badge is-${card.verdict}` }, `${card.symbol} ${card.badge}`));
    }
    const about = element("div", { class: "words" }, tags);
    if (card && card.reason) about.append(element("p", { class: "reason" }, card.reason));
    made.append(about);
    return made;
  };

  // Runs of one board share their seeds; where one is not recorded there is nothing to share.
  const seed = (a, b) => (a && b && a.seed !== b.seed
    ? `sample ${a.sample}, seed ${a.seed} (A) and ${b.seed} (B)`
    : `sample ${(a || b).sample}, seed ${(a || b).seed}${a && b ? " in both" : ""}`);

  const pictures = (task, first, second) => {
    const key = (card) => JSON.stringify([card.task, card.item]);
    const others = new Map(second.map((card) => [key(card), card]));
    const pairs = first.filter((card) => card.task === task).map((card) => [card, others.get(key(card))]);
    const known = new Set(first.map(key));
    for (const card of second) if (card.task === task && !known.has(key(card))) pairs.push([undefined, card]);
    const list = document.querySelector("[data-pairs]");
    list.replaceChildren(...pairs.map(([a, b]) => {
      const card = a || b;
      return element("li", { class: "card" },
        element("div", { class: "words top" },
          element("h3", { class: "prompt" }, card.prompt),
          element("p", { class: "seed" },
            element("span", {}, `${card.category}, item ${card.item}`), " ", element("span", {}, seed(a, b)))),
        element("div", { class: "halves" }, half(a, "A"), half(b, "B")));
    }));
    document.querySelector("[data-none]").hidden = pairs.length > 0;
  };

  const fill = (name, about, chosen) => {
    const options = about.models.map((model) => element("option", { value: model.slug }, `${model.name} (${model.run})`));
    field(name).replaceChildren(...options);
    if (about.models.some((model) => model.slug === chosen)) field(name).value = chosen;
  };

  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    const about = board();
    const [a, b] = [field("a").value, field("b").value];
    history.replaceState(null, "", `#${new URLSearchParams({ board: about.slug, a, b })}`);
    problem.hidden = a !== b;
    result.hidden = a === b;
    if (a === b) {
      problem.textContent = "These are one and the same run; choose another one for B.";
      return;
    }
    try {
      await Promise.all([load(`pairs/${about.slug}`), load(`models/${a}`), load(`models/${b}`)]);
    } catch (error) {
      if (mine !== turn) return;
      problem.textContent = error.message;
      problem.hidden = false;
      result.hidden = true;
      return;
    }
    if (mine !== turn) return; // Another choice was made meanwhile.
    const [i, j] = [a, b].map((slug) => about.models.findIndex((model) => model.slug === slug));
    const tables = self.leaderboard.pairs[about.slug];
    const found = tables.map((table) => pair(table, i, j));
    const order = [...about.tables.keys()].slice(1).concat(0);
    const rows = order.map((k) => row(about.tables[k], about, about.models[i].values[k], about.models[j].values[k], found[k]));
    rows.at(-1).className = "overall";
    document.querySelector("[data-rows]").replaceChildren(...rows);
    const verdict = document.querySelector("[data-verdict]");
    const overall = found[0];
    verdict.textContent = !overall ? "The two have no scores to compare."
      : overall.verdict > 0 ? `${about.models[j].name} (B) is better than ${about.models[i].name} (A).`
      : overall.verdict < 0 ? `${about.models[i].name} (A) is better than ${about.models[j].name} (B).`
      : "The data cannot tell the two apart.";
    verdict.className = `verdict ${!overall || !overall.verdict ? "" : overall.verdict > 0 ? "up" : "down"}`;
    document.querySelector("[data-fine]").textContent =
      `${about.title}: ${about.metric}${about.unit ? `, in ${about.unit}` : ""}, over the items and samples that both have scored.`;
    const cards = (slug) => self.leaderboard.cards[slug] || [];
    pictures(about.task, cards(a), cards(b));
  };

  const fromHash = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    if (boards.some((one) => one.slug === state.get("board"))) field("board").value = state.get("board");
    const about = board();
    fill("a", about, state.get("a") || about.models[0]?.slug);
    fill("b", about, state.get("b") || about.models[1]?.slug);
    return show();
  };

  if (!boards.length) {
    problem.textContent = "There is no run here yet.";
    problem.hidden = false;
    return;
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "board") {
      const about = board();
      fill("a", about, about.models[0]?.slug);
      fill("b", about, about.models[1]?.slug);
    }
    show();
  });
  addEventListener("hashchange", fromHash);
  fromHash();
})();
