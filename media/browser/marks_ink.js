// @ts-check
/**
 * Draw marks on a canvas over a picture, from their points and the place of their anchor. Pure but for the canvas.
 * What a mark may be: `media/guidance/marks.py`; where it is: `media/guidance/wire.py`.
 */

/** @typedef {"ink" | "arrow" | "text"} Kind */
/** @typedef {"yellow" | "sky" | "vermilion" | "green"} Colour */
/** @typedef {[number, number]} Point shares of the picture's width and height */
/**
 * @typedef {object} Mark
 * @property {number} number
 * @property {Kind} kind
 * @property {Point[]} points
 * @property {Colour} colour
 * @property {string} [text]
 * @property {string} author
 * @property {number} frame
 * @property {number} frame_wall_ms
 * @property {string} unit
 * @property {string} at
 */
/** @typedef {{x: number, y: number, width: number, height: number}} Box where the picture is on the canvas, in pixels */

/**
 * Okabe and Ito (2008), vermilion and green made brighter for dark pictures: told apart also by the colour-blind. The dashes tell them apart without any colour, and every
 * mark has its number beside it.
 * @type {Record<Colour, {ink: string, dash: number[]}>}
 */
export const COLOURS = {
  yellow: { ink: "#f0e442", dash: [] },
  sky: { ink: "#56b4e9", dash: [5, 2.5] },
  vermilion: { ink: "#ff7a2f", dash: [1.5, 2] },
  green: { ink: "#19c391", dash: [6, 2, 1.5, 2] },
};
const HALO = "#000c";
const LINE_SHARE = 0.006; // of the picture's width
const LINE_LEAST_PX = 3;
const BADGE_LINES = 3.2; // radius of a number's badge, in line widths
const HEAD_LINES = 5; // length of an arrow's head

/**
 * A point through a homography given row by row.
 * @param {number[]} m @param {Point} point @returns {Point}
 */
export function carried(m, [x, y]) {
  const depth = m[6] * x + m[7] * y + m[8];
  return [(m[0] * x + m[1] * y + m[2]) / depth, (m[3] * x + m[4] * y + m[5]) / depth];
}

/**
 * At most `most` of the points, the ends kept, evenly thinned out.
 * @param {Point[]} points @param {number} most @returns {Point[]}
 */
export function thinned(points, most) {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, n) => points[Math.round((n * (points.length - 1)) / (most - 1))]);
}

/**
 * Where a picture of this shape stands in a box when it is shown whole.
 * @param {number} width @param {number} height of the picture
 * @param {number} boxWidth @param {number} boxHeight @returns {Box}
 */
export function fitted(width, height, boxWidth, boxHeight) {
  const scale = Math.min(boxWidth / width, boxHeight / height);
  const [w, h] = [width * scale, height * scale];
  return { x: (boxWidth - w) / 2, y: (boxHeight - h) / 2, width: w, height: h };
}

/**
 * Draw a mark with its number. `matrix` null: where it was drawn.
 * @param {CanvasRenderingContext2D} to @param {Mark} mark @param {number[] | null} matrix @param {Box} box
 */
export function drawMark(to, mark, matrix, box) {
  const line = Math.max(LINE_LEAST_PX, LINE_SHARE * box.width);
  const points = mark.points.map((point) => onCanvas(matrix ? carried(matrix, point) : point, box));
  const { ink, dash } = COLOURS[mark.colour] ?? COLOURS.yellow;
  to.save();
  to.lineCap = to.lineJoin = "round";
  if (mark.kind === "text") drawText(to, mark.text ?? "", points[0], line, ink);
  else {
    for (const [style, width] of /** @type {[string, number][]} */ ([[HALO, line * 1.9], [ink, line]])) {
      to.strokeStyle = to.fillStyle = style;
      to.lineWidth = width;
      to.setLineDash(style === HALO ? [] : dash.map((length) => length * line));
      strokePath(to, points);
      to.setLineDash([]);
      if (mark.kind === "arrow") drawHead(to, points, line, style === HALO ? line * 0.45 : 0);
    }
  }
  if (mark.number > 0) drawBadge(to, String(mark.number), badgeAt(mark.kind, points, line), line, ink);
  to.restore();
}

/**
 * Where somebody points: a ring with a cross, and the name.
 * @param {CanvasRenderingContext2D} to @param {Point} point @param {string} who @param {Box} box
 */
export function drawPointer(to, point, who, box) {
  const line = Math.max(LINE_LEAST_PX, LINE_SHARE * box.width);
  const [x, y] = onCanvas(point, box);
  to.save();
  for (const [style, width] of /** @type {[string, number][]} */ ([[HALO, line * 1.6], ["#ffffff", line * 0.8]])) {
    to.strokeStyle = style;
    to.lineWidth = width;
    to.beginPath();
    to.arc(x, y, 4 * line, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      to.moveTo(x + 2.6 * dx * line, y + 2.6 * dy * line);
      to.lineTo(x + 5.4 * dx * line, y + 5.4 * dy * line);
    }
    to.stroke();
  }
  drawText(to, who, [x + 6 * line, y - 4 * line], line * 0.8, "#ffffff");
  to.restore();
}

/**
 * The outline of a triage tag with whose it is.
 * @param {CanvasRenderingContext2D} to @param {Point[]} corners @param {string} label @param {Box} box
 */
export function drawTag(to, corners, label, box) {
  const line = Math.max(LINE_LEAST_PX, LINE_SHARE * box.width) * 0.7;
  const points = corners.map((corner) => onCanvas(corner, box));
  to.save();
  to.lineJoin = "round";
  for (const [style, width] of /** @type {[string, number][]} */ ([[HALO, line * 2], ["#ffffff", line]])) {
    to.strokeStyle = style;
    to.lineWidth = width;
    to.beginPath();
    points.forEach(([x, y], n) => (n ? to.lineTo(x, y) : to.moveTo(x, y)));
    to.closePath();
    to.stroke();
  }
  drawText(to, label, [points[0][0], points[0][1] - 3 * line], line, "#ffffff");
  to.restore();
}

/** @param {Point} point @param {Box} box @returns {Point} */
const onCanvas = ([x, y], box) => [box.x + x * box.width, box.y + y * box.height];

/** @param {CanvasRenderingContext2D} to @param {Point[]} points */
function strokePath(to, points) {
  to.beginPath();
  points.forEach(([x, y], n) => (n ? to.lineTo(x, y) : to.moveTo(x, y)));
  to.stroke();
}

/** @param {CanvasRenderingContext2D} to @param {Point[]} points @param {number} line @param {number} wider */
function drawHead(to, points, line, wider) {
  const [[x0, y0], [x, y]] = [points[0], points[points.length - 1]];
  const angle = Math.atan2(y - y0, x - x0);
  const length = HEAD_LINES * line + 2 * wider;
  to.beginPath();
  to.moveTo(x + wider * Math.cos(angle), y + wider * Math.sin(angle));
  for (const turn of [0.45, -0.45]) to.lineTo(x - length * Math.cos(angle + turn), y - length * Math.sin(angle + turn));
  to.closePath();
  to.lineWidth = line / 2 + wider;
  to.stroke();
  to.fill();
}

/** Beside the start of a line, above words. @param {Kind} kind @param {Point[]} points @param {number} line @returns {Point} */
function badgeAt(kind, points, line) {
  const [x, y] = points[0];
  const [nextX, nextY] = points[Math.min(1, points.length - 1)];
  if (kind === "text") return [x - 4.2 * line, y - 2 * line];
  const away = Math.hypot(x - nextX, y - nextY) || 1;
  return [x + (4 * line * (x - nextX)) / away, y + (4 * line * (y - nextY)) / away];
}

/** @param {CanvasRenderingContext2D} to @param {string} number @param {Point} at @param {number} line @param {string} ink */
function drawBadge(to, number, [x, y], line, ink) {
  to.beginPath();
  to.arc(x, y, BADGE_LINES * line, 0, 2 * Math.PI);
  to.fillStyle = ink;
  to.strokeStyle = HALO;
  to.lineWidth = line * 0.7;
  to.fill();
  to.stroke();
  to.fillStyle = "#000";
  to.font = `700 ${4.2 * line}px system-ui, sans-serif`;
  to.textAlign = "center";
  to.textBaseline = "middle";
  to.fillText(number, x, y + 0.2 * line);
}

/** @param {CanvasRenderingContext2D} to @param {string} text @param {Point} at @param {number} line @param {string} ink */
function drawText(to, text, [x, y], line, ink) {
  to.font = `700 ${5.5 * line}px system-ui, "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", sans-serif`;
  to.textAlign = "left";
  to.textBaseline = "alphabetic";
  to.strokeStyle = HALO;
  to.lineWidth = line * 1.6;
  to.lineJoin = "round";
  to.strokeText(text, x, y);
  to.fillStyle = ink;
  to.fillText(text, x, y);
}
