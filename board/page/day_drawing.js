// Draws the runs of a day on a canvas: only the rows that are in sight, so that ten thousand scroll as smoothly as ten.
import { ticks } from "./bars.js";
import { byDomain } from "./columns.js";
import { colours, cut, Surface } from "./surface.js";
import { at } from "./times.js";
import { shown } from "./words.js";

const LINE = 18;
const TOP = 24;
const NAMES = 240; // pixels for the names of products, or a third of a small screen
const MARKS = { bad: "✕", warn: "!" }; // before the name: what needs somebody is not said by a colour alone
const SPACE = 16; // pixels between two times of the axis, or more

// Rows under the heading of their domain, in the order of their start; before them those of the critical path, in its order.
function laidOut(rows) {
  const path = onPath(rows);
  const began = (row) => row.started_at ?? row.opened_at ?? row.finished_at ?? row.due_at ?? "";
  const before = path.length ? [{ domain: "Critical path" }, ...path.map((row, number) => ({ ...row, name: row.product, after: path[number - 1] }))] : [];
  const domains = [...byDomain(rows)].sort(([one], [other]) => (one < other ? -1 : 1));
  return [...before, ...domains.flatMap(([domain, its]) => [{ domain }, ...its.sort((one, other) => (began(one) < began(other) ? -1 : began(one) > began(other) ? 1 : 0))])];
}

const onPath = (rows) => rows.filter((row) => row.place).sort((one, other) => one.place - other.place);
const ending = (row) => row.finished_at ?? row.expected;

export function HEIGHT(rows) {
  const path = onPath(rows).length;
  return TOP + LINE * (rows.length + new Set(rows.map((row) => row.product.split("/")[0])).size + (path && path + 1)) + 8;
}

export class DayDrawing {
  constructor(canvas, holder, open) {
    this.holder = holder;
    this.surface = new Surface(canvas, () => this.draw());
    this.lines = [];
    const scrolled = () => this.surface.soon();
    const pointed = (event) => {
      const row = this.at(event);
      canvas.title = row?.product ? row.product : "";
      canvas.style.cursor = row?.product ? "pointer" : "";
    };
    const clicked = (event) => {
      const row = this.at(event);
      if (row?.product) open(row);
    };
    holder.addEventListener("scroll", scrolled, { passive: true });
    canvas.addEventListener("pointermove", pointed);
    canvas.addEventListener("click", clicked);
  }

  end() {
    this.surface.end();
  }

  show(rows, now, date) {
    this.lines = laidOut(rows);
    this.now = +new Date(now);
    this.date = date;
    const moments = rows.flatMap((row) => [row.opened_at, row.started_at, row.finished_at, row.due_at, row.expected]).filter(Boolean).map((each) => +new Date(each));
    const inDay = moments.filter((each) => Math.abs(each - this.now) < 3 * 86_400_000);
    const used = inDay.length ? inDay : moments;
    this.first = used.reduce((one, other) => Math.min(one, other), Infinity) - 600_000;
    this.last = Math.max(used.reduce((one, other) => Math.max(one, other), -Infinity), Math.min(this.now, this.first + 86_400_000)) + 600_000;
    this.surface.soon();
  }

  at(event) {
    const line = Math.floor((event.offsetY - TOP + this.holder.scrollTop) / LINE);
    return event.offsetY > TOP ? this.lines[line] : undefined;
  }

  draw() {
    const { context, width, height } = this.surface;
    const paint = colours();
    this.names = Math.min(NAMES, width / 3);
    const x = (moment) => this.names + ((+new Date(moment) - this.first) / (this.last - this.first)) * (width - this.names - 12);
    context.clearRect(0, 0, width, height);
    context.font = `12px ${paint.font}`;
    context.textBaseline = "middle";
    this.axis(context, paint, x, height);
    const from = Math.max(0, Math.floor(this.holder.scrollTop / LINE) - 1);
    const until = Math.min(this.lines.length, from + Math.ceil(height / LINE) + 2);
    context.save();
    context.beginPath();
    context.rect(0, TOP, width, height - TOP);
    context.clip();
    for (let number = from; number < until; number += 1) this.line(context, paint, x, this.lines[number], TOP + number * LINE - this.holder.scrollTop);
    context.restore();
  }

  axis(context, paint, x, height) {
    context.fillStyle = paint.quiet;
    context.strokeStyle = paint.line;
    const label = context.measureText(at(this.first, this.date)).width + SPACE;
    for (const tick of ticks(this.first, this.last, (this.surface.width - this.names) / label)) {
      const left = Math.round(x(tick)) + 0.5;
      context.fillText(at(tick, this.date), left + 3, TOP / 2);
      stroke(context, left, TOP - 6, left, height);
    }
    if (this.now > this.first && this.now < this.last) {
      context.strokeStyle = paint.accent;
      stroke(context, x(this.now), TOP - 6, x(this.now), height);
    }
  }

  line(context, paint, x, row, top) {
    const middle = top + LINE / 2;
    if (row.domain) {
      context.fillStyle = paint.text;
      context.font = `600 12px ${paint.font}`;
      context.fillText(row.domain, 4, middle);
      context.font = `12px ${paint.font}`;
      return;
    }
    const { tone } = shown(row, this.now);
    context.fillStyle = tone === "bad" ? paint.bad : paint.text;
    context.fillText(MARKS[tone] ?? "", 4, middle);
    if (row.place) context.font = `600 12px ${paint.font}`;
    context.fillText(cut(context, `${row.place ? `${row.place}  ` : ""}${row.name ?? row.product.split("/")[1]}`, this.names - 24), 16, middle);
    context.font = `12px ${paint.font}`;
    if (row.opened_at) {
      context.fillStyle = paint.calmLine;
      bar(context, x(row.opened_at), x(row.started_at ?? row.finished_at ?? this.now), middle - 2, 4);
    }
    if (row.started_at || (row.finished_at && !row.opened_at)) {
      context.fillStyle = paint[tone] ?? paint.calm;
      bar(context, x(row.started_at ?? row.finished_at), x(row.finished_at ?? this.now), middle - 5, 10);
    }
    if (row.expected && +new Date(row.expected) > this.now) {
      context.strokeStyle = paint[tone] ?? paint.calm;
      context.setLineDash([3, 3]);
      stroke(context, x(this.now), middle, x(row.expected), middle);
      context.setLineDash([]);
    }
    if (row.due_at) {
      context.strokeStyle = paint.text;
      stroke(context, x(row.due_at), middle - 7, x(row.due_at), middle + 7);
    }
    if (row.place) this.path(context, paint, x, row, middle);
  }

  // A frame around what is on the critical path, and a line to it from the end of what it waits for.
  path(context, paint, x, row, middle) {
    const end = x(ending(row) ?? this.now);
    const from = Math.min(x(row.started_at ?? row.opened_at ?? ending(row) ?? this.now), end - 6);
    context.strokeStyle = paint.text;
    context.lineWidth = 1.5;
    context.strokeRect(from - 2, middle - 7.5, end - from + 4, 15);
    if (row.after) stroke(context, x(ending(row.after) ?? this.now), middle - LINE, x(ending(row.after) ?? this.now), middle - 8);
    context.lineWidth = 1;
  }
}

function bar(context, from, to, top, height) {
  context.fillRect(from, top, Math.max(2, to - from), height);
}

function stroke(context, fromX, fromY, toX, toY) {
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}
