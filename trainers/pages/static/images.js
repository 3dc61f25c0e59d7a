// What is shown of a text in images: the stages, the feature maps.
import { decode, formatted, scaleOf } from "./draw.js";
import {
  card,
  difference,
  element,
  isExplained,
  legend,
  table,
} from "./elements.js";
import { stage } from "./stages.js";

const MOST_ROWS = 12;

export function way(answer, run, scales) {
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
        about: `from the feature maps: the image as the classifier gets it`,
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

export function between(answers, run) {
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
export function maps(state, index, run, ask) {
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
