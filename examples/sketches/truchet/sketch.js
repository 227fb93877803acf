// Quarter-circle tiles that turn one after another, in a wave from the middle.
const LOOP = 180, CELLS = 4;
let turned = [];

function setup() {
  createCanvas(256, 256);
  randomSeed(4);
  for (let i = 0; i < CELLS * CELLS; i++) turned.push(floor(random(4)));
  strokeCap(SQUARE);
  noFill();
}

function draw() {
  background(14);
  const side = width / CELLS;
  for (let i = 0; i < CELLS * CELLS; i++) {
    const column = i % CELLS, row = floor(i / CELLS);
    const away = dist(column, row, (CELLS - 1) / 2, (CELLS - 1) / 2) / CELLS;
    // Two quarter turns in a loop: a tile of two arcs looks the same after them.
    const time = ((frameCount / LOOP) * 2 + 2 - away) % 2;
    const quarter = floor(time) + smooth(constrain((time % 1) * 2, 0, 1));
    push();
    translate((column + 0.5) * side, (row + 0.5) * side);
    rotate((turned[i] + quarter) * HALF_PI);
    for (const [weight, tone] of [[side * 0.42, 235], [side * 0.2, 60]]) {
      stroke(tone);
      strokeWeight(weight);
      arc(-side / 2, -side / 2, side, side, 0, HALF_PI);
      arc(side / 2, side / 2, side, side, PI, PI + HALF_PI);
    }
    pop();
  }
}

const smooth = (x) => x * x * (3 - 2 * x);
