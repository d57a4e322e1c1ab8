// Cleaning up: a step that fails must not keep the rest from being done.

/** Runs every step, whatever becomes of the others. Returns the errors: after an error they say less than that one does. */
export function runSteps(steps: readonly (() => void)[]): unknown[] {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}

/** Runs every step, and then throws the first error that there was. */
export function everyStep(steps: readonly (() => void)[]): void {
  const errors = runSteps(steps);
  if (errors.length > 0) throw errors[0];
}
