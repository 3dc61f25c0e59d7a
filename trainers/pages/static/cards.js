// What is said of a text in words and bars: verdict, words, layers.
import { colourOf, formatted } from "./draw.js";
import {
  card,
  element,
  isExplained,
  legend,
  percent,
  WAITING,
} from "./elements.js";

const CUT =
  "The text is longer than the model reads: the words at its end, which have " +
  "no colour, count for nothing.";
const MOST_CLASSES = 6;
const MOST_WORDS = 12;
const MOST_NAMED = 3;
const NAMED = 0.1; // share of the largest contribution
const FAR = 0.99; // novelty of texts unlike the train texts

export function verdict(answer, run) {
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
    ...(isExplained(answer) ? [summary(answer)] : []),
    ...note(answer),
    element("p", { className: "small" }, [
      isExplained(answer)
        ? `Margin ${formatted(answer.margin)}: ${others}. At 0 the two are ` +
          "equal."
        : WAITING,
    ]),
  ]);
}

/** The words that speak most for and against, as a sentence. */
function summary(answer) {
  const words = answer.segments.filter(([, value]) => value !== null);
  const sizes = words.map(([, value]) => Math.abs(value));
  const least = NAMED * Math.max(...sizes);
  const named = (sign) =>
    words
      .filter(([, value]) => sign * value >= least)
      .sort((a, b) => sign * (b[1] - a[1]))
      .slice(0, MOST_NAMED)
      .map(([text]) => `“${text}”`)
      .join(", ") || "no word";
  return element("p", { className: "summary" }, [
    `Most for “${answer.explained}”: ${named(1)}. Most against: ${named(-1)}.`,
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

export function words(answer, scale, text) {
  if (!isExplained(answer)) {
    return card("Which words", "words", [
      element("p", { className: "text", lang: "" }, [text]),
      element("p", { className: "small" }, [WAITING]),
    ]);
  }
  const spans = answer.segments.map(([text, value]) => {
    if (value === null) return document.createTextNode(text);
    const kind = value < 0 ? "against" : "for";
    const share = value / scale;
    const span = element(
      "span",
      { className: `word ${kind}`, title: `${text}: ${formatted(value)}` },
      [text],
    );
    const colour = colourOf(Math.sign(value), "push").join(" ");
    span.style.backgroundColor = `rgb(${colour} / ${Math.abs(share) / 2})`;
    span.style.borderBottomWidth = Math.abs(share) > 0.05 ? "2px" : "0";
    return span;
  });
  const strongest = answer.segments
    .filter(([, value]) => value !== null)
    .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]))
    .slice(0, MOST_WORDS);
  const added = formatted(answer.margin - answer.words_baseline);
  return card(`Which words speak for “${answer.explained}”`, "words", [
    element("p", { className: "text", lang: "" }, spans),
    ...(isCut(answer) ? [element("p", { className: "warning" }, [CUT])] : []),
    legend("push", scale, "against", "for"),
    element(
      "ul",
      { className: "bars" },
      strongest.map(([text, value]) => pushBar(text, value, scale)),
    ),
    element("p", { className: "small" }, [
      "With every word replaced by [MASK] the margin is " +
        `${formatted(answer.words_baseline)}; the words add ${added} and give ` +
        `${formatted(answer.margin)}. A word's number is its share of that ` +
        `(together they miss it by ${answer.words_error.toFixed(3)}).`,
    ]),
  ]);
}

/** Whether words at the end of the text have no contribution. */
function isCut(answer) {
  const [rest, value] = answer.segments.at(-1);
  return value === null && /[\p{L}\p{N}]/u.test(rest);
}

/** A row with a bar to the right for what speaks for, to the left against. */
function pushBar(name, value, scale) {
  const bar = element("span", {
    className: `bar ${value < 0 ? "against" : "for"}`,
  });
  bar.style.width = `${(50 * Math.abs(value)) / scale}%`;
  return element("li", {}, [
    element("span", { className: "name" }, [name]),
    element("span", { className: "track middle" }, [bar]),
    element("span", { className: "number" }, [formatted(value)]),
  ]);
}

export function layers(answer, run, scale) {
  if (!isExplained(answer)) {
    return card("Which layers of BERT", "layers", [
      element("p", { className: "small" }, [WAITING]),
    ]);
  }
  const rows = answer.layers.map((value, row) =>
    pushBar(`layer ${run.layers[row]}`, value, scale),
  );
  return card("Which layers of BERT", "layers", [
    element("ul", { className: "bars" }, rows),
    element("p", { className: "small" }, [
      "Counted from 0: early layers are near the words, late ones nearer to " +
        "the meaning. " +
        `Measured from the mean train image, whose margin is ` +
        `${formatted(answer.image_baseline)}.`,
    ]),
  ]);
}
