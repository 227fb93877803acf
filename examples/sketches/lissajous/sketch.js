// A Lissajous figure whose phase goes once around, its line brighter where the pen is now.
const LOOP = 180, POINTS = 360;

function setup() {
  createCanvas(256, 256);
  strokeCap(ROUND);
}

function draw() {
  background(10);
  const turn = (TWO_PI * frameCount) / LOOP;
  for (let i = 0; i < POINTS; i++) {
    const a = place(i, turn), b = place(i + 1, turn);
    // Two bright pens run around the figure, each with a tail behind it.
    const behind = (((frameCount / LOOP) * 2 - i / POINTS) * 2 + 4) % 1;
    stroke(70 + 185 * pow(1 - behind, 3));
    strokeWeight(4 + 9 * pow(1 - behind, 2));
    line(a[0], a[1], b[0], b[1]);
  }
}

function place(i, turn) {
  const t = (TWO_PI * i) / POINTS;
  return [width * (0.5 + 0.41 * sin(3 * t + turn)), height * (0.5 + 0.41 * sin(2 * t))];
}
