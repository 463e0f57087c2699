// Cards that are data in the page: drawn as one scrolls to them, a screenful or two at a time.
// What it makes of a card is what parts.jinja makes of one; a test holds the two together.
self.lazyCards = () => {
  "use strict";
  const list = document.querySelector("[data-lazy]");
  if (!list) return null;
  const AT_ONCE = 48;
  const [head, ...blocks] = document.querySelectorAll("script[data-block]");
  const index = JSON.parse(head.textContent);
  const unseen = new Set(index.unseen);
  const words = index.prompts.map((prompt) => prompt.toLowerCase());
  const cards = index.verdict.map((verdict, number) => ({
    number,
    verdict: index.verdicts[verdict],
    category: index.categories[index.category[number]],
    task: index.tasks[index.task[number]],
    prompt: index.prompts[index.prompt[number]],
    unseen: unseen.has(number),
    text: words[index.prompt[number]],
  }));

  const parsed = new Map();
  const detail = (number) => {
    const block = Math.floor(number / index.block);
    if (!parsed.has(block)) parsed.set(block, JSON.parse(blocks[block].textContent));
    return parsed.get(block)[number % index.block];
  };

  const SVG = "http://www.w3.org/2000/svg";
  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...(children || []));
    return element;
  };
  const make = (name, attributes, children) => fill(document.createElement(name), attributes, children);
  const draw = (name, attributes, children) => fill(document.createElementNS(SVG, name), attributes, children);

  const rectangle = (box, kind) => draw("rect", { class: kind, x: box.x, y: box.y, width: box.width, height: box.height });
  const boxes = (overlay) => draw(
    "svg",
    { class: "boxes", viewBox: `0 0 ${overlay.width} ${overlay.height}`, "aria-hidden": "true", focusable: "false", "font-size": overlay.text },
    [
      ...overlay.boxes.map((box) => draw("g", { class: box.kept ? "kept" : "rejected" }, [
        draw("title", {}, [box.title]), rectangle(box, "casing"), rectangle(box, "edge"),
      ])),
      ...overlay.boxes.filter((box) => box.chip).map(({ chip }) => draw("g", { class: "chip" }, [
        draw("rect", { x: chip.x, y: chip.y, width: chip.width, height: chip.height, rx: 2.5 * overlay.unit }),
        draw("text", { x: chip.x + chip.width / 2, y: chip.y + chip.height * 0.74, "text-anchor": "middle" }, [chip.text]),
      ])),
    ],
  );

  const picture = (card, about) => {
    const shown = about.picture;
    if (shown && shown.url) {
      const alt = about.answer ? `Asked about: ${card.prompt}` : `Sample ${about.index + 1}, drawn for: ${card.prompt}`;
      const image = make("img", { width: shown.width, height: shown.height, alt, decoding: "async", loading: "lazy" });
      image.src = shown.url;
      const frame = make("div", { class: shown.pixelated ? "picture pixelated" : "picture" }, [image]);
      frame.style.aspectRatio = `${shown.width}/${shown.height}`;
      if (about.overlay) frame.append(boxes(about.overlay));
      return [frame];
    }
    if (!shown && about.answer) return [];
    return [make("div", { class: "picture empty" }, [make("p", {}, [shown ? shown.problem : "No picture"])])];
  };

  const readings = (lines) => make("details", { class: "readings" }, [
    make("summary", {}, [`${lines.length} ${lines.length === 1 ? "box" : "boxes"}`]),
    make("ul", {}, lines.map((line) => make("li", { class: line.kept ? "kept" : "rejected" }, [line.text]))),
  ]);

  const element = (card) => {
    const about = detail(card.number);
    const tags = [make("span", { class: `badge is-${card.verdict}` }, [
      make("span", { "aria-hidden": "true" }, [index.symbols[card.verdict]]), ` ${about.badge}`,
    ])];
    if (card.unseen) tags.push(make("span", { class: "tag" }, ["unseen"]));
    const content = picture(card, about);
    if (about.answer) content.push(make("blockquote", { class: "answer" }, [about.answer]));
    content.push(make("div", { class: "words" }, [
      make("p", { class: "tags" }, tags),
      make("h3", { class: "prompt", "data-prompt": true }, [card.prompt]),
      ...(about.reason ? [make("p", { class: "reason" }, [about.reason])] : []),
      ...(about.readings ? [readings(about.readings)] : []),
      make("p", { class: "seed" }, [
        make("span", {}, [`${card.category}, item ${about.item_id}`]), " ",
        make("span", {}, [`sample ${about.index + 1}, seed ${about.seed}`]),
      ]),
    ]));
    return make("li", {
      class: "card", "data-card": true, "data-verdict": card.verdict, "data-category": card.category,
      "data-task": card.task, "data-unseen": card.unseen,
    }, content);
  };

  let wanted = [];
  let drawn = 0;
  const more = document.querySelector("[data-more]");
  const extend = () => {
    const next = wanted.slice(drawn, drawn + AT_ONCE);
    drawn += next.length;
    list.append(...next.map(element));
    more.hidden = drawn >= wanted.length;
  };
  // Watched anew after each step, since a sentinel that stays in view tells nothing.
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting) || more.hidden) return;
    extend();
    watcher.unobserve(more);
    watcher.observe(more);
  }, { rootMargin: "1600px" });
  watcher.observe(more);
  more.querySelector("button").addEventListener("click", extend);

  const show = (visible) => {
    wanted = visible;
    drawn = 0;
    list.replaceChildren();
    extend();
  };
  return { cards, show };
};
