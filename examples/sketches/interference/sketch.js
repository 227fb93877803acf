// Ripples from three springs that circle the middle; crests add up and cancel.
const LOOP = 180;

function setup() {
  createCanvas(192, 192);
  pixelDensity(1);
}

function draw() {
  const turn = (TWO_PI * frameCount) / LOOP;
  const springs = [1, 0.85, 0.6].map((strength, i) => [
    width * (0.5 + 0.3 * cos(turn + (TWO_PI * i) / 3)),
    height * (0.5 + 0.3 * sin(turn + (TWO_PI * i) / 3)),
    strength,
  ]);
  loadPixels();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let level = 0;
      for (const [sx, sy, strength] of springs) {
        const d = Math.sqrt((x - sx) * (x - sx) + (y - sy) * (y - sy));
        level += (strength * Math.sin(d * 0.17 - 5 * turn)) / (1 + d * 0.004);
      }
      const at = 4 * (y * width + x);
      pixels[at] = pixels[at + 1] = pixels[at + 2] = 127 + 110 * Math.tanh(level * 1.4);
      pixels[at + 3] = 255;
    }
  }
  updatePixels();
}
