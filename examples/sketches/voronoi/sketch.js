// Cells around wandering points, each in its own tone, with dark seams.
const LOOP = 180, CELLS = 14;
let points = [];

function setup() {
  createCanvas(192, 192);
  pixelDensity(1);
  randomSeed(12);
  for (let i = 0; i < CELLS; i++) {
    points.push({ x: random(), y: random(), r: random(0.06, 0.16), phase: random(TWO_PI), way: i % 2 ? 1 : -1, tone: random(95, 290) });
  }
}

function draw() {
  const turn = (TWO_PI * frameCount) / LOOP;
  const now = points.map((p) => [
    width * (p.x + p.r * cos(p.way * turn + p.phase)),
    height * (p.y + p.r * sin(p.way * turn + p.phase)),
    p.tone,
  ]);
  loadPixels();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let first = 1e9, second = 1e9, tone = 0;
      for (const [px, py, own] of now) {
        const d = Math.sqrt((x - px) * (x - px) + (y - py) * (y - py));
        if (d < first) {
          second = first;
          first = d;
          tone = own;
        } else if (d < second) second = d;
      }
      const seam = Math.min(1, Math.max(0, (second - first - 3) / 4));
      const at = 4 * (y * width + x);
      pixels[at] = pixels[at + 1] = pixels[at + 2] = 8 + seam * tone * Math.max(0.45, 1 - 0.01 * first);
      pixels[at + 3] = 255;
    }
  }
  updatePixels();
}
