// Moons on tilted orbits with their trails; whole numbers of rounds bring all of them back together.
const LOOP = 180;
const MOONS = [[38, 4, 20, 0.2], [62, 3, 26, 1.4], [88, 2, 24, 3.1], [114, 1, 36, 4.6], [114, 1, 20, 1.5]];

function setup() {
  createCanvas(256, 256);
}

function draw() {
  background(12);
  const turn = (TWO_PI * frameCount) / LOOP;
  translate(width / 2, height / 2);
  rotate(-0.5);
  noFill();
  strokeWeight(2.5);
  stroke(80);
  for (const [reach] of MOONS) ellipse(0, 0, reach * 2, reach * 1.5);
  noStroke();
  fill(245);
  circle(0, 0, 40 + 6 * sin(2 * turn));
  for (const [reach, rounds, size, start] of MOONS) {
    for (let i = 24; i >= 0; i--) {
      const angle = start + rounds * turn - i * 0.045;
      fill(255, i ? 60 * (1 - i / 24) : 255);
      circle(reach * cos(angle), reach * 0.75 * sin(angle), size * (1 - i / 30));
    }
  }
}
