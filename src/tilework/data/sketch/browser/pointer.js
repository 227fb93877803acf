// A mouse that moves over the picture as a function of the frame number, and presses now and then.
(shared, { pointer }) => {
  const period = 120; // frames for one way round, or there and back
  const places = {
    circle: (n) => [0.5 + 0.3 * Math.cos((2 * Math.PI * n) / period), 0.5 + 0.3 * Math.sin((2 * Math.PI * n) / period)],
    // From side to side, and slowly from the top to the bottom.
    sweep: (n) => [0.5 - 0.4 * Math.cos((2 * Math.PI * n) / period), 0.5 - 0.4 * Math.cos((2 * Math.PI * n) / (8 * period))],
  };
  let down = false;
  let last = null;
  const send = (target, kind, x, y, more) => {
    const about = { clientX: x, clientY: y, screenX: x, screenY: y, bubbles: true, cancelable: true, composed: true, view: window, detail: 1, ...more };
    const pointerKind = { mousemove: "pointermove", mousedown: "pointerdown", mouseup: "pointerup", mouseover: "pointerover", mouseenter: "pointerenter" }[kind];
    if (pointerKind) target.dispatchEvent(new PointerEvent(pointerKind, { pointerId: 1, pointerType: "mouse", isPrimary: true, ...about }));
    target.dispatchEvent(new MouseEvent(kind, about));
  };
  shared.pointer = {
    move(number) {
      const place = places[pointer];
      const canvas = place && shared.canvas.largest();
      if (!canvas) return;
      const box = canvas.getBoundingClientRect();
      const [right, below] = place(number);
      const [x, y] = [Math.round(box.left + right * box.width), Math.round(box.top + below * box.height)];
      const held = number % 60 >= 10 && number % 60 < 40;
      const moves = { movementX: last ? x - last[0] : 0, movementY: last ? y - last[1] : 0 };
      if (!last) for (const kind of ["mouseover", "mouseenter"]) send(canvas, kind, x, y, { buttons: 0 });
      last = [x, y];
      send(canvas, "mousemove", x, y, { ...moves, button: down ? 0 : -1, buttons: down ? 1 : 0 });
      if (held === down) return;
      down = held;
      send(canvas, held ? "mousedown" : "mouseup", x, y, { button: 0, buttons: held ? 1 : 0 });
      if (!held) send(canvas, "click", x, y, { button: 0, buttons: 0 });
    },
  };
}
