// Arrays to canvases, on diverging scales that colour-blind readers can tell
// apart. The colours are those of page.css, so that they follow the theme.

export function decode(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** The size below which 99% of the values lie, zeros apart; never 0. */
export function scaleOf(...arrays) {
  const sizes = arrays
    .flatMap((values) => Array.from(values, Math.abs))
    .filter((size) => size > 0)
    .sort((a, b) => a - b);
  return sizes[Math.floor(0.99 * (sizes.length - 1))] || 1;
}

export function formatted(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value > 0 ? "+" : "−") + text;
}

/** Colour of a number from -1 to 1: `kind` is "push" or "value". */
export function colourOf(share, kind) {
  const [low, zero, high] = theme(kind);
  const end = share < 0 ? low : high;
  const amount = Math.min(1, Math.abs(share));
  return zero.map((from, i) => Math.round(from + amount * (end[i] - from)));
}

function theme(kind) {
  const style = getComputedStyle(document.documentElement);
  return [`--${kind}-low`, "--zero", `--${kind}-high`].map((name) =>
    style
      .getPropertyValue(name)
      .match(/\w\w/g)
      .map((c) => parseInt(c, 16)),
  );
}

/**
 * Draws one channel of an array (H, W, C).
 *
 * Options: `values`, `shape`, `channel`, `scale` (the value of the full
 * colour), `kind`, and `occupied`: numbers of the pixels to draw, all if
 * missing.
 */
export function draw(canvas, options) {
  const { values, shape, channel = 0, scale, kind, occupied } = options;
  const [height, width, channels] = shape;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const ends = theme(kind);
  for (let place = 0; place < height * width; place++) {
    const number = place * channels + channel;
    if (occupied && !occupied.has(number)) continue; // stays transparent
    const share = Math.max(-1, Math.min(1, values[number] / scale));
    const end = share < 0 ? ends[0] : ends[2];
    for (let i = 0; i < 3; i++) {
      const zero = ends[1][i];
      pixels.data[4 * place + i] = zero + Math.abs(share) * (end[i] - zero);
    }
    pixels.data[4 * place + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
