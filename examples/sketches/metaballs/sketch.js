// Drops that melt into each other, with contour bands around them.
const LOOP = 180, DROPS = 6;

function setup() {
  createCanvas(192, 192);
  pixelDensity(1);
}

function draw() {
  const turn = (TWO_PI * frameCount) / LOOP;
  const drops = [];
  for (let i = 0; i < DROPS; i++) {
    const phase = (TWO_PI * i) / DROPS;
    // Whole numbers of turns around two circles: everything is back in time.
    drops.push([
      width * (0.5 + 0.3 * cos(turn * (i % 2 ? 1 : -1) + phase) + 0.08 * cos(2 * turn + i)),
      height * (0.5 + 0.3 * sin(turn + phase * 2) + 0.08 * sin(2 * turn - i)),
      width * (0.11 + 0.03 * sin(turn + i)),
    ]);
  }
  loadPixels();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let field = 0;
      for (const [cx, cy, r] of drops) field += (r * r) / ((x - cx) * (x - cx) + (y - cy) * (y - cy) + 1);
      const inside = field > 1.15;
      const band = 0.5 + 0.5 * Math.sin(7 * Math.log(field) - turn);
      const tone = inside ? 255 - 130 / field : 12 + 70 * band * Math.min(1, field * 1.2);
      const at = 4 * (y * width + x);
      pixels[at] = pixels[at + 1] = pixels[at + 2] = tone;
      pixels[at + 3] = 255;
    }
  }
  updatePixels();
}
