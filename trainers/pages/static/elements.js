// Elements of the page that have no state, and how numbers are written.
import { colourOf, formatted } from "./draw.js";

/** Said in place of what is still computed. */
export const WAITING = "Explaining…";
export const isExplained = (answer) => answer.segments !== undefined;
export const difference = (one, other) =>
  one.map((value, i) => value - other[i]);
export const percent = (share) => `${(100 * share).toFixed(1)}%`;

/** An element with properties and children; strings become text. */
export function element(kind, properties = {}, children = []) {
  const node = document.createElement(kind);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export function legend(kind, scale, low, high) {
  const stops = [-1, -0.5, 0, 0.5, 1].map((s) => `rgb(${colourOf(s, kind)})`);
  const bar = element("span", { className: "ramp" });
  bar.style.backgroundImage = `linear-gradient(to right, ${stops})`;
  const digits = scale < 0.1 ? 4 : 2;
  return element("p", { className: "legend" }, [
    `${low} ${formatted(-scale, digits)}`,
    bar,
    `${formatted(scale, digits)} ${high}`,
  ]);
}

export function card(title, name, children) {
  const heading = element("h3", {}, [title]);
  return element("section", { className: `card ${name}` }, [
    heading,
    ...children,
  ]);
}

export function table(title, header, rows) {
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
