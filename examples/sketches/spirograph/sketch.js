// A wheel rolling in a ring draws a rosette that opens and closes as it turns.
const LOOP = 180, POINTS = 1400;

function setup() {
  createCanvas(256, 256);
  noFill();
}

function draw() {
  background(16);
  const turn = (TWO_PI * frameCount) / LOOP;
  translate(width / 2, height / 2);
  // Seven petals: after a seventh of a turn the figure is the same.
  rotate(turn / 7);
  for (const [reach, tone, weight] of [[1, 250, 5], [0.55, 140, 4]]) {
    stroke(tone);
    strokeWeight(weight);
    const arm = 36 + 20 * sin(turn + 4 * reach);
    beginShape();
    for (let i = 0; i <= POINTS; i++) {
      const t = (TWO_PI * 3 * i) / POINTS;
      vertex(reach * (66 * cos(t) + arm * cos((-4 / 3) * t)), reach * (66 * sin(t) + arm * sin((-4 / 3) * t)));
    }
    endShape();
  }
}
