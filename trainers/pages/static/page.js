// The form, the requests and the state; panels.js draws the answers.
import { percent } from "./elements.js";
import { results } from "./panels.js";

const find = (selector) => document.querySelector(selector);
const state = { site: null, answers: [], texts: [], run: 0, request: null };

async function start() {
  const response = await fetch("runs.json");
  if (!response.ok) throw new Error((await response.json()).error);
  state.site = await response.json();
  const { runs, examples, longest_text: longest } = state.site;
  for (const area of document.querySelectorAll("textarea")) {
    area.maxLength = longest;
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        find("#form").requestSubmit();
      }
    });
  }
  fill("#label", [
    ["", "that is predicted (of text 1)"],
    ...runs[0].labels.map((name) => [name, name]),
  ]);
  fill(
    "#run",
    runs.map((run, number) => [number, run.name]),
  );
  find("#choose-run").hidden = runs.length < 2;
  find("#examples").hidden = !examples.length;
  find("#examples ul").append(...examples.map(exampleItem));
  find("#go").disabled = false;
  tell(
    runs.length > 1
      ? `${runs.length} runs are ready.`
      : `Ready: ${runs[0].name}, ${runs[0].slice}, right on ` +
          `${percent(runs[0].accuracy)} of ${runs[0].num_validation} ` +
          "validation texts.",
  );
}

function fill(selector, pairs) {
  const options = pairs.map(([value, text]) => new Option(text, value));
  find(selector).replaceChildren(...options);
}

function exampleItem(example) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const verdict = document.createElement("b");
  const isRight = example.label === example.truth;
  verdict.textContent = isRight ? "right" : "mistake";
  verdict.className = isRight ? "right" : "mistake";
  const truth =
    ` truth ${example.truth}, predicted ${example.label} ` +
    `(${percent(example.probability)}): `;
  // No <q>: in Chromium its quotation marks are no part of the button.
  button.append(verdict, truth, `“${example.text.slice(0, 140)}”`);
  button.addEventListener("click", () => {
    find("#text").value = example.text;
    find("#form").requestSubmit();
  });
  item.append(button);
  return item;
}

function tell(message, isError = false) {
  find("#status").textContent = message;
  find("#status").classList.toggle("error", isError);
}

/**
 * Asks every run about every text, the run that is shown in full first:
 * verdicts, which are quick, and then explanations.
 */
async function explain() {
  state.request?.abort();
  state.request = new AbortController();
  const { signal } = state.request;
  state.texts = [find("#text").value];
  if (!find("#second").hidden && find("#other").value.trim()) {
    state.texts.push(find("#other").value);
  }
  state.answers = state.texts.map(() => []);
  const label = find("#label").value;
  const numbers = state.site.runs.map((_, number) => number);
  numbers.sort((a, b) => (b === state.run) - (a === state.run));
  tell("Explaining…");
  find("#results").setAttribute("aria-busy", "true");
  try {
    for (const path of ["verdict", "explanation"]) {
      for (const run of numbers) {
        for (const [index, text] of state.texts.entries()) {
          // One class for both texts, so that their colours mean the same.
          const name = label || state.answers[0][run]?.label;
          const isKnown = state.site.runs[run].labels.includes(name);
          const body = { run, text, label: isKnown ? name : null };
          const answer = await ask(path, body, signal);
          state.answers[index][run] = {
            ...state.answers[index][run],
            ...answer,
          };
        }
        show();
      }
      if (path === "verdict") tell(`${spoken()} Explaining…`);
    }
    tell(spoken());
  } catch (error) {
    if (error.name === "AbortError") return;
    tell(error.message, true);
  }
  find("#results").setAttribute("aria-busy", "false");
}

/** What a screen reader says when the answers are there. */
function spoken() {
  return state.answers
    .map((answers, index) => {
      const answer = answers[state.run];
      const best = Math.max(...answer.probabilities);
      const name = state.answers.length > 1 ? `Text ${index + 1}` : "Verdict";
      return `${name}: ${answer.label}, ${percent(best)}.`;
    })
    .join(" ");
}

async function ask(path, body, signal) {
  for (;;) {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    }).catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Error("The program behind the page does not answer. Start it.");
    });
    if (response.status === 503) {
      const seconds = Number(response.headers.get("Retry-After")) || 2;
      await new Promise((done) => setTimeout(done, 1000 * seconds));
      continue;
    }
    const value = await response.json();
    if (!response.ok) throw new Error(value.error);
    return value;
  }
}

function show() {
  if (!state.answers.length || !state.answers.at(-1)[state.run]) return;
  find("#results").replaceChildren(...results(state, ask));
}

find("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (state.site) explain();
});
find("#compare").addEventListener("click", () => {
  const isHidden = !find("#second").hidden;
  find("#second").hidden = isHidden;
  find("#compare").setAttribute("aria-expanded", String(!isHidden));
  find("#compare").textContent = isHidden
    ? "Compare with a second text"
    : "Remove the second text";
  if (isHidden) find("#text").focus();
  else find("#other").focus();
});
find("#run").addEventListener("change", () => {
  state.run = Number(find("#run").value);
  show();
});
find("#label").addEventListener("change", () => {
  if (state.answers.length) explain();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
start().catch((error) => tell(error.message, true));
