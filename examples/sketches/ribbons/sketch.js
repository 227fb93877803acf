// Broad bands weave over and under each other as they slide.
const LOOP = 180, BANDS = 5;

function setup() {
  createCanvas(256, 256);
  noFill();
  strokeCap(SQUARE);
}

function draw() {
  background(120);
  const turn = (TWO_PI * frameCount) / LOOP;
  for (let i = 0; i < BANDS; i++) band(i, turn, 26, 10);
  for (let i = 0; i < BANDS; i++) band(i, turn, 18, i % 2 ? 250 : 55);
}

function band(i, turn, weight, tone) {
  stroke(tone);
  strokeWeight(weight);
  beginShape();
  for (let x = -20; x <= width + 20; x += 6) {
    const phase = (TWO_PI * i) / BANDS;
    vertex(x, height * (0.5 + 0.34 * sin(x * 0.024 + turn + phase) + 0.1 * sin(x * 0.05 - 2 * turn + 2 * phase)));
  }
  endShape();
}
