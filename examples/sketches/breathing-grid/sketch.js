// Tiles and discs that breathe in rings from the middle outwards, every second one a little faster.
const LOOP = 180, CELLS = 7;

function setup() {
  createCanvas(256, 256);
  noStroke();
}

function draw() {
  background(240);
  const turn = (TWO_PI * frameCount) / LOOP;
  const side = width / CELLS;
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      const away = dist(column, row, (CELLS - 1) / 2, (CELLS - 1) / 2);
      const breath = 0.5 + 0.5 * sin(((row + column) % 2 ? 3 : 2) * turn - away * 1.1);
      const x = (column + 0.5) * side, y = (row + 0.5) * side;
      fill(20);
      rectMode(CENTER);
      push();
      translate(x, y);
      rotate(breath * HALF_PI);
      square(0, 0, side * (0.35 + 0.65 * breath), side * 0.5 * (1 - breath));
      fill(240);
      circle(0, 0, side * 0.55 * breath);
      pop();
    }
  }
}
