// Answers to everything below the form.
import { layers, verdict, words } from "./cards.js";
import { decode, scaleOf } from "./draw.js";
import {
  card,
  difference,
  element,
  isExplained,
  percent,
  WAITING,
} from "./elements.js";
import { between, maps, way } from "./images.js";
import { stage } from "./stages.js";

const largest = (values) => Math.max(1e-9, ...values.map(Math.abs));

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
  // The cards of two texts share their rows.
  for (const node of nodes) {
    node.style.gridRow = `span ${node.childElementCount}`;
  }
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
