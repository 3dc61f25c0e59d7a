// An answer to the parts of the page that show it.
import { colourOf, decode, formatted, scaleOf } from "./draw.js";
import { element, legend, stage } from "./stages.js";

const MOST_CLASSES = 6;
const MOST_ROWS = 12;
const WAITING = "Explaining…";
const FAR = 0.99; // novelty of texts unlike the train texts

/** Everything below the form, for one text or two. */
export function results(state, ask) {
  const run = state.site.runs[state.run];
  prepare(run);
  const answers = state.answers.map((row) => row[state.run]);
  answers.forEach(unpack);
  // One scale for both texts.
  const explained = answers.filter(isExplained);
  const scales = {
    image: scaleOf(...answers.map((a) => difference(a.image, run.mean))),
    seen: scaleOf(...answers.map((a) => a.seen)),
    push: scaleOf(...explained.map((a) => a.contributions)),
    word: largest(explained.flatMap((a) => a.segments.map((s) => s[1] ?? 0))),
    layer: largest(explained.flatMap((a) => a.layers)),
  };
  const nodes = answers.map((answer, index) =>
    element("div", { className: "answer" }, [
      ...(answers.length > 1
        ? [element("h2", { className: "which" }, [`Text ${index + 1}`])]
        : []),
      verdict(answer, run),
      words(answer, scales.word, state.texts[index]),
      layers(answer, run, scales.layer),
      ...(state.site.runs.length > 1 ? [comparison(state, index)] : []),
      way(answer, run, scales),
      maps(state, index, run, ask),
    ]),
  );
  const both = element(
    "div",
    { className: answers.length > 1 ? "answers two" : "answers one" },
    nodes,
  );
  return answers.length > 1 ? [both, between(answers, run)] : [both];
}

function prepare(run) {
  if (run.features) return;
  run.mean = decode(run.mean);
  run.features = new Map(); // pixel to the features on it
  run.pixels.forEach((pixel, feature) => {
    if (!run.features.has(pixel)) run.features.set(pixel, []);
    run.features.get(pixel).push(feature);
  });
  run.channels = Array.from({ length: run.shape[2] }, (_, channel) => {
    const numbers = run.layers.filter(
      (_, row) => run.pixels[row * run.dimensions] % run.shape[2] === channel,
    );
    return numbers.length > 1
      ? `layers ${numbers[0]}–${numbers.at(-1)}`
      : `layer ${numbers[0]}`;
  });
}

function unpack(answer) {
  for (const name of ["image", "contributions", "features", "seen", "read"]) {
    if (typeof answer[name] === "string") answer[name] = decode(answer[name]);
  }
}

const isExplained = (answer) => answer.segments !== undefined;
const largest = (values) => Math.max(1e-9, ...values.map(Math.abs));
const difference = (one, other) => one.map((value, i) => value - other[i]);
const percent = (share) => `${(100 * share).toFixed(1)}%`;

function card(title, name, children) {
  const heading = element("h3", {}, [title]);
  return element("section", { className: `card ${name}` }, [
    heading,
    ...children,
  ]);
}

function verdict(answer, run) {
  const order = answer.probabilities
    .map((value, number) => [value, run.labels[number]])
    .sort((a, b) => b[0] - a[0]);
  const shown = run.labels.length > MOST_CLASSES ? MOST_CLASSES : order.length;
  const bars = order.slice(0, shown).map(([value, label]) => {
    const bar = element("span", { className: "bar" });
    bar.style.width = `${100 * value}%`;
    return element("li", {}, [
      element("span", { className: "name" }, [label]),
      element("span", { className: "track" }, [bar]),
      element("span", { className: "number" }, [percent(value)]),
    ]);
  });
  const rest = run.labels.length - shown;
  const others = // of which the margin is a difference
    run.labels.length === 2
      ? `the logit of “${answer.explained}” less that of the other class`
      : `the logit of “${answer.explained}” less the mean of the others`;
  return card("Verdict", "verdict", [
    element("p", { className: "label" }, [
      element("strong", {}, [answer.label]),
      ` ${percent(order[0][0])}`,
    ]),
    element("ul", { className: "bars" }, bars),
    ...(rest > 0
      ? [element("p", {}, [`and ${rest} less probable classes`])]
      : []),
    ...note(answer),
    element("p", { className: "small" }, [
      isExplained(answer)
        ? `Margin ${formatted(answer.margin)}: ${others}. At 0 the two are ` +
          "equal."
        : WAITING,
    ]),
  ]);
}

/** How far the image is from the train images, where the run knows it. */
function note(answer) {
  if (answer.novelty === null) return [];
  const isFar = answer.novelty > FAR;
  const share = `${Math.floor(100 * answer.novelty)}%`;
  const text = isFar
    ? `This text's image is farther from the train images than ${share} of ` +
      "the validation images are: the model has not learnt from texts like " +
      "it, and its probability means little."
    : `Novelty ${share}: this share of the validation images is nearer to the ` +
      "train images than this one.";
  return [element("p", { className: isFar ? "warning" : "small" }, [text])];
}

function words(answer, scale, text) {
  if (!isExplained(answer)) {
    return card("Which words", "words", [
      element("p", { className: "text", lang: "" }, [text]),
      element("p", { className: "small" }, [WAITING]),
    ]);
  }
  const spans = answer.segments.map(([text, value]) => {
    if (value === null) return document.createTextNode(text);
    const isPush = value >= 0;
    const span = element(
      "span",
      {
        className: `word ${isPush ? "for" : "against"}`,
        title: `${text}: ${formatted(value)}`,
      },
      [text],
    );
    const size = Math.abs(value) / scale;
    span.style.backgroundColor = `rgb(${colourOf(
      (0.6 * value) / scale,
      "push",
    )})`;
    span.style.borderBottomWidth = size > 0.05 ? "2px" : "0";
    return span;
  });
  const added = answer.margin - answer.words_baseline;
  return card(`Which words speak for “${answer.explained}”`, "words", [
    element("p", { className: "text", lang: "" }, spans),
    legend("push", scale, "against", "for"),
    element("p", { className: "small" }, [
      `With every word replaced by [MASK] the margin is ` +
        `${formatted(answer.words_baseline)}; the words add ` +
        `${formatted(added)} and give ${formatted(answer.margin)}. A word's ` +
        `number is its share of that (their sum is off by ` +
        `${answer.words_error.toFixed(3)}).`,
    ]),
    table(
      "The words as a table",
      ["word", "adds to the margin"],
      answer.segments
        .filter(([, value]) => value !== null)
        .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]))
        .slice(0, MOST_ROWS)
        .map(([text, value]) => [text, formatted(value)]),
    ),
  ]);
}

function layers(answer, run, scale) {
  if (!isExplained(answer)) {
    return card("Which layers of BERT", "layers", [
      element("p", { className: "small" }, [WAITING]),
    ]);
  }
  const rows = answer.layers.map((value, row) => {
    const bar = element("span", {
      className: `bar ${value < 0 ? "against" : "for"}`,
    });
    bar.style.width = `${(50 * Math.abs(value)) / scale}%`;
    return element("li", {}, [
      element("span", { className: "name" }, [`layer ${run.layers[row]}`]),
      element("span", { className: "track middle" }, [bar]),
      element("span", { className: "number" }, [formatted(value)]),
    ]);
  });
  return card("Which layers of BERT", "layers", [
    element("ul", { className: "bars" }, rows),
    element("p", { className: "small" }, [
      "Early layers are near the words, late ones nearer to the meaning. " +
        `Measured from the mean train image, whose margin is ` +
        `${formatted(answer.image_baseline)}.`,
    ]),
  ]);
}

function table(title, header, rows) {
  const line = (kind, values) =>
    element(
      "tr",
      {},
      values.map((value) => element(kind, {}, [value])),
    );
  return element("details", {}, [
    element("summary", {}, [title]),
    element("table", {}, [
      element("thead", {}, [line("th", header)]),
      element(
        "tbody",
        {},
        rows.map((values) => line("td", values)),
      ),
    ]),
  ]);
}

/** The runs side by side, for one text. */
function comparison(state, index) {
  const rows = state.site.runs.map((run, number) => {
    const answer = state.answers[index][number];
    const row = element("div", { className: "compared", role: "row" }, [
      element("div", { className: "which-run", role: "rowheader" }, [
        element("b", {}, [run.slice]),
        element("span", { className: "small" }, [
          ` ${run.name}, ${percent(run.accuracy)} right`,
        ]),
      ]),
    ]);
    if (!answer) {
      row.append(element("span", { role: "cell" }, [WAITING]));
      return row;
    }
    prepare(run);
    unpack(answer);
    const best = Math.max(...answer.probabilities);
    const bar = element("span", { className: "bar" });
    bar.style.width = `${100 * best}%`;
    row.append(
      element("div", { className: "one-bar", role: "cell" }, [
        element("span", { className: "name" }, [answer.label]),
        element("span", { className: "track" }, [bar]),
        element("span", { className: "number" }, [percent(best)]),
      ]),
      element("div", { role: "cell" }, [
        !isExplained(answer)
          ? WAITING
          : stage({
              run,
              answer,
              values: answer.contributions,
              scale: scaleOf(answer.contributions),
              kind: "push",
              occupied: run.features,
              name: `Attribution of ${run.name}`,
              isSmall: true,
            }),
      ]),
    );
    return row;
  });
  return card("The runs compared", "comparison", [
    element("div", { role: "table", ariaLabel: "The runs compared" }, rows),
    element("p", { className: "small" }, [
      "Each image shows what speaks for (blue) and against (orange) the class " +
        "that is explained, on a scale of its own.",
    ]),
  ]);
}

function way(answer, run, scales) {
  const occupied = run.features;
  const common = { run, answer };
  const stages = [
    stage({
      ...common,
      values: difference(answer.image, run.mean),
      scale: scales.image,
      kind: "value",
      occupied,
      name: "The text's image",
      about: "less the mean train image",
      ends: ["below the mean", "above"],
    }),
    stage({
      ...common,
      values: answer.seen,
      scale: scales.seen,
      kind: "value",
      name: "What the frozen slice sees",
      about:
        "after contrast " +
        `${run.contrast} and normalisation, less the same of the mean image`,
      ends: ["below", "above"],
    }),
  ];
  if (answer.read) {
    stages.push(
      stage({
        ...common,
        values: answer.read,
        scale: scales.image,
        kind: "value",
        occupied,
        name: "What the code reads back",
        about: `the image as it is left after ${run.slice}, on the first scale`,
        ends: ["below the mean", "above"],
      }),
    );
  }
  if (isExplained(answer)) {
    stages.splice(
      1,
      0,
      stage({
        ...common,
        values: answer.contributions,
        scale: scales.push,
        kind: "push",
        occupied,
        name: `What speaks for “${answer.explained}”`,
        about: "each pixel's share of the margin",
        ends: ["against", "for"],
      }),
    );
  }
  return card("The text as an image, and what was looked at", "way", [
    element("p", {}, [
      "A pixel is one number of one BERT layer (a dimension), not a word. " +
        "Dimensions that vary together over the train texts lie together. " +
        "Point at a pixel, or move from pixel to pixel by the arrow keys.",
    ]),
    element("div", { className: "stages" }, stages),
    ...(isExplained(answer) ? [strongest(answer, run)] : []),
  ]);
}

function strongest(answer, run) {
  const order = Array.from(answer.features.keys())
    .sort((a, b) => Math.abs(answer.features[b]) - Math.abs(answer.features[a]))
    .slice(0, MOST_ROWS);
  return table(
    "The dimensions that matter most, as a table",
    ["layer", "dimension", "value", "mean", "adds to the margin"],
    order.map((feature) => {
      const pixel = run.pixels[feature];
      return [
        run.layers[Math.floor(feature / run.dimensions)],
        feature % run.dimensions,
        answer.image[pixel].toFixed(2),
        run.mean[pixel].toFixed(2),
        formatted(answer.features[feature], 3),
      ].map(String);
    }),
  );
}

function between(answers, run) {
  const values = difference(answers[0].image, answers[1].image);
  return card("The difference of the two images", "way", [
    element("div", { className: "stages" }, [
      stage({
        run,
        values,
        scale: scaleOf(values),
        kind: "value",
        occupied: run.features,
        name: "Image of text 1 less image of text 2",
        about: "where it is grey, the model gets the same from both",
        ends: ["more in text 2", "more in text 1"],
      }),
    ]),
  ]);
}

/** The feature maps, which are fetched when they are opened. */
function maps(state, index, run, ask) {
  const [height, width, count] = run.maps;
  const grid = element("div", { className: "maps" });
  const details = element("details", { className: "card" }, [
    element("summary", {}, [
      `The feature maps: ${count} of ${height} × ${width} by ${run.slice}`,
    ]),
    grid,
  ]);
  details.addEventListener("toggle", async () => {
    if (!details.open || grid.childElementCount) return;
    grid.replaceChildren("Computing…");
    try {
      const body = { run: state.run, text: state.texts[index] };
      const { numbers, values } = await ask("maps", body, null);
      grid.replaceChildren(...mapGrid(numbers, decode(values), run.maps));
    } catch (error) {
      grid.replaceChildren(error.message);
    }
  });
  return details;
}

function mapGrid(numbers, values, [height, width, count]) {
  const scale = scaleOf(values);
  const size = height * width;
  const figures = numbers.map((number, row) =>
    stage({
      values: values.subarray(row * size, (row + 1) * size),
      shape: [height, width, 1],
      scale,
      kind: "value",
      name: `Feature map ${number}`,
      isSmall: true,
      caption: String(number),
    }),
  );
  const text =
    numbers.length < count
      ? `The ${numbers.length} maps that differ most from those of the mean ` +
        "train image, less these, on one scale. The number is the map's."
      : "Each map less that of the mean train image, on one scale.";
  return [
    element("p", { className: "small" }, [text]),
    element("div", { className: "grid" }, figures),
    legend("value", scale, "below the mean image's", "above"),
  ];
}
