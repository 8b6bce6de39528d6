// The chunks of an asset, one cell each, on one canvas: 5,000 of them are drawn in a few milliseconds.

import { describe } from "/static/jobs/model.js";
import { color, hatch, prepare } from "/static/jobs/paint.js";

export class Strip {
  constructor(canvas, note, onOpen) {
    this.canvas = canvas;
    this.note = note;
    this.jobs = [];
    this.selected = -1;
    canvas.addEventListener("pointermove", (event) => this.select(this.at(event)));
    canvas.addEventListener("click", (event) => {
      const index = this.at(event);
      if (index >= 0) onOpen(this.jobs[index]);
    });
    canvas.addEventListener("keydown", (event) => this.key(event, onOpen));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  update(jobs, now) {
    this.jobs = jobs;
    this.now = now;
    this.draw();
    if (this.selected >= 0) this.describe();
  }

  layout() {
    const width = this.canvas.clientWidth;
    const count = this.jobs.length;
    const size = count > 2000 ? 7 : count > 400 ? 10 : count > 60 ? 16 : Math.max(16, Math.min(44, Math.floor(width / Math.max(count, 1))));
    const columns = Math.max(1, Math.floor(width / size));
    const height = count > 60 ? size : 28;
    return { width, size, columns, height, rows: Math.ceil(count / columns) };
  }

  draw() {
    const { width, size, columns, height, rows } = this.layout();
    if (!width || !this.jobs.length) return;
    const context = prepare(this.canvas, width, rows * height + 2);
    const colors = { done: color("--series-4"), running: color("--series-1"), dead: color("--bad") };
    const [surface, raised, text] = [color("--surface"), color("--line"), color("--text")];
    const redone = { done: hatch(context, surface, colors.done, true), running: hatch(context, surface, colors.running, true) };
    const gap = size > 8 ? 2 : 1;
    this.jobs.forEach((job, index) => {
      const x = (index % columns) * size;
      const y = Math.floor(index / columns) * height;
      const [w, h] = [size - gap, height - gap];
      context.fillStyle = raised;
      context.fillRect(x, y, w, h);
      if (job.state === "done" || job.state === "running") {
        context.fillStyle = (job.starts > 1 && redone[job.state]) || colors[job.state];
        context.fillRect(x, y, job.state === "done" ? w : Math.max(w * job.fraction, 2), h);
      } else if (job.state === "dead") {
        context.fillStyle = colors.dead;
        context.fillRect(x, y, w, h);
        context.strokeStyle = surface;
        context.lineWidth = 1.5;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(x + w, y + h);
        context.moveTo(x + w, y);
        context.lineTo(x, y + h);
        context.stroke();
      }
      if (index === this.selected) {
        context.strokeStyle = text;
        context.lineWidth = 2;
        context.strokeRect(x + 1, y + 1, Math.max(w - 2, 1), Math.max(h - 2, 1));
      }
    });
  }

  at(event) {
    const { size, columns, height } = this.layout();
    const column = Math.floor(event.offsetX / size);
    const index = Math.floor(event.offsetY / height) * columns + column;
    return column < columns && index >= 0 && index < this.jobs.length ? index : -1;
  }

  select(index) {
    if (index === this.selected || index < 0) return;
    this.selected = index;
    this.draw();
    this.describe();
  }

  describe() {
    const job = this.jobs[this.selected];
    this.note.textContent = job ? describe(job, this.now) : "";
  }

  key(event, onOpen) {
    const { columns } = this.layout();
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step !== undefined) this.select(Math.max(0, Math.min(this.jobs.length - 1, Math.max(this.selected, 0) + step)));
    else if (event.key === "Home") this.select(0);
    else if (event.key === "End") this.select(this.jobs.length - 1);
    else if (event.key === "Enter" && this.selected >= 0) onOpen(this.jobs[this.selected]);
    else return;
    event.preventDefault();
  }
}
