// Draws domains as boxes of tiles on a canvas, the domains with the worst states first. Arrow keys go from tile to tile.
import { byDomain } from "./columns.js";
import { colours, cut, Surface } from "./surface.js";
import { shown } from "./words.js";

const WORST = ["bad", "warn", "live", "calm", "mute", "good"];
const HEAD = 18;
const GAP = 12;
const NAMED = 24; // pixels: tiles of this height have names

export class Wall {
  constructor(canvas, select) {
    this.canvas = canvas;
    this.tiles = [];
    this.boxes = [];
    this.places = new Map();
    this.near = new Map();
    this.surface = new Surface(canvas, () => this.draw());
    canvas.addEventListener("click", (event) => select(this.at(event)?.product));
    canvas.addEventListener("pointermove", (event) => {
      const tile = this.at(event);
      canvas.title = tile ? tile.product : "";
      canvas.style.cursor = tile ? "pointer" : "";
    });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step || !this.tiles.length) return;
      event.preventDefault();
      const now = this.places.get(this.selected)?.place ?? -1;
      select(this.tiles[(now + step + this.tiles.length) % this.tiles.length].product);
    });
  }

  end() {
    this.surface.end();
  }

  show(rows, now) {
    const rank = (tile) => WORST.indexOf(tile.tone);
    const tiles = rows.map((row) => ({ product: row.product, ...shown(row, now) }));
    this.domains = [...byDomain(tiles)].map(([name, its]) => ({ name, tiles: its.sort((one, other) => rank(one) - rank(other)) }));
    this.domains.sort((one, other) => rank(one.tiles[0]) - rank(other.tiles[0]) || other.tiles.length - one.tiles.length);
    this.surface.soon();
  }

  select(product, near) {
    this.selected = product;
    this.near = near;
    this.surface.soon();
  }

  // The largest tiles with which the domains are still seen at a glance, few of them with their names; the canvas becomes as high as it needs.
  place(width) {
    const count = this.domains.reduce((sum, each) => sum + each.tiles.length, 0);
    const tall = count > 4000 ? 7 : count > 1200 ? 9 : count > 300 ? 13 : NAMED;
    const wide = tall === NAMED ? 148 : tall;
    this.tiles = [];
    this.boxes = [];
    let [left, top, high] = [0, 0, 0];
    for (const domain of this.domains) {
      const square = Math.ceil(Math.sqrt(domain.tiles.length * 1.8));
      const across = wide === tall ? Math.max(square, Math.ceil(70 / (wide + 2))) : Math.ceil(domain.tiles.length / 8);
      const boxWide = Math.min(across, domain.tiles.length) * (wide + 2);
      if (left && left + Math.max(boxWide, 70) > width) [left, top, high] = [0, top + high + GAP, 0];
      this.boxes.push({ name: domain.name, left, top, wide: Math.max(boxWide, 70) });
      domain.tiles.forEach((tile, number) => {
        this.tiles.push({ ...tile, wide, tall, left: left + (number % across) * (wide + 2), top: top + HEAD + Math.floor(number / across) * (tall + 2) });
      });
      left += Math.max(boxWide, 70) + GAP;
      high = Math.max(high, HEAD + Math.ceil(domain.tiles.length / across) * (tall + 2));
    }
    this.places = new Map(this.tiles.map((tile, place) => [tile.product, { ...tile, place }]));
    return top + high + 4;
  }

  // The tiles are drawn once and kept as a picture: a selection, which may move with every key, draws that and its frames.
  draw() {
    const { context, width } = this.surface;
    if (!this.domains) return;
    const paint = colours();
    const { domains, canvas, of } = this;
    if (of?.domains !== domains || of.paint !== paint || of.wide !== canvas.width || of.high !== canvas.height) {
      const height = Math.ceil(this.place(width));
      if (Math.abs(height - this.surface.height) > 1) {
        canvas.style.height = `${height}px`; // it is drawn again in its new size
        return;
      }
      this.picture = this.pictureOf(paint);
      this.of = { domains, paint, wide: canvas.width, high: canvas.height };
    }
    context.clearRect(0, 0, width, this.surface.height);
    context.drawImage(this.picture, 0, 0, width, this.surface.height);
    const frames = [...this.near].map(([product, side]) => [this.places.get(product), side === "before" ? paint.live : paint.accent, 2]);
    frames.push([this.places.get(this.selected), paint.text, 3]);
    const framed = frames.filter(([tile]) => tile);
    for (const [tile, , thick] of framed) this.frame(tile, paint.page, thick + 3); // a frame is set off from its tile, whose colour may be nearly the same
    for (const [tile, colour, thick] of framed) this.frame(tile, colour, thick);
  }

  pictureOf(paint) {
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [this.canvas.width, this.canvas.height];
    const context = picture.getContext("2d");
    context.setTransform(this.surface.context.getTransform());
    context.font = `11px ${paint.font}`;
    context.fillStyle = paint.quiet;
    for (const box of this.boxes) context.fillText(box.name, box.left, box.top + 12, box.wide);
    for (const tone of WORST) {
      context.fillStyle = paint[tone];
      for (const tile of this.tiles) if (tile.tone === tone) context.fillRect(tile.left, tile.top, tile.wide, tile.tall);
    }
    this.marks(context, paint);
    return picture;
  }

  // Each state has a mark as well as a colour, done has none.
  marks(context, paint) {
    context.font = `12px ${paint.font}`;
    context.fillStyle = context.strokeStyle = paint.page;
    for (const tile of this.tiles) {
      context.lineWidth = 1;
      if (tile.tall === NAMED) context.fillText(cut(context, tile.product.split("/")[1], tile.wide - 28), tile.left + 22, tile.top + 16);
      const size = tile.tall === NAMED ? 10 : tile.tall - 2;
      const edge = tile.tall === NAMED ? 7 : 1;
      MARKS[tile.tone]?.(context, tile.left + edge, tile.top + edge, size);
    }
  }

  frame(tile, colour, thick) {
    const { context } = this.surface;
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.strokeRect(tile.left - 1, tile.top - 1, tile.wide + 2, tile.tall + 2);
  }

  at(event) {
    return this.tiles.find((tile) => event.offsetX >= tile.left && event.offsetX < tile.left + tile.wide + 2 && event.offsetY >= tile.top && event.offsetY < tile.top + tile.tall + 2);
  }
}

const MARKS = {
  bad: cross,
  warn: (context, left, top, size) => context.fillRect(left + size * 0.4, top, size * 0.25, size),
  live: (context, left, top, size) => context.fillRect(left + size * 0.25, top + size * 0.25, size * 0.5, size * 0.5),
  calm: (context, left, top, size) => context.strokeRect(left + size * 0.15, top + size * 0.15, size * 0.7, size * 0.7),
  mute: (context, left, top, size) => context.fillRect(left, top + size * 0.4, size, size * 0.25),
};

function cross(context, left, top, size) {
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(left, top);
  context.lineTo(left + size, top + size);
  context.moveTo(left + size, top);
  context.lineTo(left, top + size);
  context.stroke();
}
