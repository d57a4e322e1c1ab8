// A line of recent latencies, newest at the right.

const LINE = '#6fb7ff';
const FILL = 'rgba(111, 183, 255, 0.14)';
const POINTS = 240;

/** Draws into a canvas of any size, sharp on any screen. Returns the value at its top. */
export function drawSparkline(canvas: HTMLCanvasElement, values: readonly number[]): number {
  const ratio = devicePixelRatio;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const top = roundUp(Math.max(...values, 1) * 1.15);
  const context = canvas.getContext('2d');
  context?.clearRect(0, 0, width, height);
  if (context === null || values.length < 2) return top;
  const x = (index: number) => width - ((values.length - 1 - index) / (POINTS - 1)) * width;
  const y = (value: number) => height - ratio - (value / top) * (height - 2 * ratio);
  const line = new Path2D();
  values.forEach((value, index) => {
    // A lineTo without a point before it is a moveTo.
    line.lineTo(x(index), y(value));
  });
  const area = new Path2D(line);
  area.lineTo(width, height);
  area.lineTo(x(0), height);
  context.fillStyle = FILL;
  context.fill(area);
  context.strokeStyle = LINE;
  context.lineWidth = 1.25 * ratio;
  context.lineJoin = 'round';
  context.stroke(line);
  return top;
}

/** 1, 2, 5, 10, 20, … so that the scale does not jump with every frame. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}
