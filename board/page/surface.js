// A canvas that is as large as its place, sharp on every screen, and drawn once a frame at most.

export class Surface {
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.draw = draw;
    this.asked = 0;
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(canvas);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => {
      known = undefined;
      this.soon();
    };
    this.scheme.addEventListener("change", this.repaint);
    this.fit();
  }

  fit() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const scale = devicePixelRatio || 1;
    [this.width, this.height] = [width, height];
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.soon();
  }

  soon() {
    if (!this.asked) {
      this.asked = requestAnimationFrame(() => {
        this.asked = 0;
        this.draw();
      });
    }
  }

  end() {
    cancelAnimationFrame(this.asked);
    this.watcher.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
  }
}

let known;

// The colours of the style sheet, by their names there.
export function colours() {
  if (!known) {
    const style = getComputedStyle(document.documentElement);
    const named = (name) => style.getPropertyValue(`--${name}`).trim();
    known = { font: named("font"), page: named("page"), text: named("text"), quiet: named("quiet"), line: named("line"), accent: named("accent"), calmLine: named("calm-line") };
    for (const tone of ["bad", "warn", "live", "calm", "good", "mute"]) known[tone] = named(tone);
  }
  return known;
}

// The text, shortened to that width.
export function cut(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 3 && context.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return `${text.slice(0, length)}…`;
}
