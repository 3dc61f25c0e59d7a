// One stage on the way from text to verdict: an array as canvases, one per
// channel, with its legend and the pixel under the mouse.
import { draw, formatted } from "./draw.js";
import { element, legend } from "./elements.js";

const HINT = "Point at a pixel to see what it is.";

/**
 * Draws an array (H, W, C).
 *
 * Options: those of `draw`; `run` and `answer`, whose pixels are named; `name`
 * and `about` for the caption, `ends` for the legend; `isSmall` leaves out
 * everything but the canvases and `caption`.
 */
export function stage(options) {
  const { run, answer, name, about, ends, isSmall, caption } = options;
  const shape = options.shape ?? run.shape;
  const canvases = Array.from({ length: shape[2] }, (_, channel) => {
    const canvas = element("canvas", { role: "img" });
    const part = shape[2] > 1 ? `, ${run.channels[channel]}` : "";
    canvas.setAttribute("aria-label", name + part);
    draw(canvas, { ...options, shape, channel });
    return canvas;
  });
  const figure = element("figure", { className: isSmall ? "small" : "stage" });
  const panels = canvases.map((canvas, channel) =>
    element("div", { className: "panel" }, [
      element("div", { className: "frame" }, [canvas]),
      ...(shape[2] > 1 && !isSmall
        ? [element("span", { className: "channel" }, [run.channels[channel]])]
        : []),
    ]),
  );
  figure.append(element("div", { className: "panels" }, panels));
  if (isSmall) {
    if (caption) figure.append(element("figcaption", {}, [caption]));
    return figure;
  }
  const output = element("output", { className: "pixel" }, [HINT]);
  figure.prepend(
    element("figcaption", {}, [element("b", {}, [name]), ` ${about}`]),
  );
  figure.append(legend(options.kind, options.scale, ...ends), output);
  canvases.forEach((canvas, channel) =>
    follow(canvas, channel, shape, run, (pixel) => {
      output.textContent = pixel === null ? HINT : named(pixel, run, answer);
    }),
  );
  return figure;
}

/** What is on a pixel: layer, dimension, value and contribution. */
function named(pixel, run, answer) {
  const [, width, channels] = run.shape;
  const place = Math.floor(pixel / channels);
  const where = `row ${Math.floor(place / width)}, column ${place % width}: `;
  const features = run.features.get(pixel) ?? [];
  if (!features.length) return `${where}no dimension is drawn here`;
  const parts = features.slice(0, 3).map((feature) => {
    const layer = run.layers[Math.floor(feature / run.dimensions)];
    const adds = answer?.features
      ? `, adds ${formatted(answer.features[feature], 3)}`
      : "";
    return `layer ${layer}, dimension ${feature % run.dimensions}${adds}`;
  });
  if (features.length > 3) parts.push(`${features.length - 3} more`);
  const value = answer
    ? `; value ${answer.image[pixel].toFixed(2)}, mean ` +
      run.mean[pixel].toFixed(2)
    : "";
  return where + parts.join("; ") + value;
}

/** Calls `tell` with the pixel under the mouse or the cursor keys. */
function follow(canvas, channel, shape, run, tell) {
  const [height, width, channels] = shape;
  const cursor = element("span", { className: "cursor", hidden: true });
  canvas.parentElement.append(cursor);
  canvas.tabIndex = 0;
  let at = null;
  const occupied = [...run.features.keys()]
    .filter((pixel) => pixel % channels === channel)
    .map((pixel) => Math.floor(pixel / channels))
    .map((place) => [Math.floor(place / width), place % width]);

  function move(position) {
    at = position;
    cursor.hidden = !at;
    if (!at) return tell(null);
    const [row, column] = at;
    cursor.style.top = `${(100 * row) / height}%`;
    cursor.style.left = `${(100 * column) / width}%`;
    cursor.style.height = `${100 / height}%`;
    cursor.style.width = `${100 / width}%`;
    return tell((row * width + column) * channels + channel);
  }

  /** The nearest occupied pixel, by a distance that may be infinite. */
  function nearest(distance) {
    let [best, least] = [null, Infinity];
    for (const position of occupied) {
      const away = distance(position);
      if (away < least) [best, least] = [position, away];
    }
    return [best, least];
  }

  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const row = ((event.clientY - box.top) / box.height) * height - 0.5;
    const column = ((event.clientX - box.left) / box.width) * width - 0.5;
    const [best, away] = nearest(([r, c]) => Math.hypot(r - row, c - column));
    const clamp = (x, most) => Math.min(most - 1, Math.max(0, Math.round(x)));
    move(away < 2 ? best : [clamp(row, height), clamp(column, width)]);
  });
  canvas.addEventListener("pointerleave", () => move(null));
  canvas.addEventListener("blur", () => move(null));
  canvas.addEventListener("focus", () => {
    if (!at) move(nearest(([r, c]) => r + c)[0]);
  });
  canvas.addEventListener("keydown", (event) => {
    const directions = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const direction = directions[event.key];
    if (!direction || !at) return;
    event.preventDefault();
    const [best] = nearest(([r, c]) => {
      const [down, right] = [r - at[0], c - at[1]];
      const along = down * direction[0] + right * direction[1];
      const aside =
        Math.abs(down * direction[1]) + Math.abs(right * direction[0]);
      return aside < along ? along + 2 * aside : Infinity;
    });
    if (best) move(best);
  });
}
