// Two sets of rings circle around each other; where they cross, a third pattern appears.
const LOOP = 180;

function setup() {
  createCanvas(256, 256);
  noFill();
  strokeWeight(13);
}

function draw() {
  background(245);
  const turn = (TWO_PI * frameCount) / LOOP;
  blendMode(DIFFERENCE);
  for (const side of [-1, 1]) {
    const x = width / 2 + side * 34 * cos(turn), y = height / 2 + side * 34 * sin(turn);
    stroke(245);
    for (let r = 14; r < 230; r += 26) circle(x, y, 2 * r - side * 6 * sin(turn));
  }
  blendMode(BLEND);
}
