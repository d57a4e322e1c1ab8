// What may come from elsewhere: from another realm (a vm context, as Jest and vitest's vm pools run tests in), where every built-in
// class is another one, or from the package's other build (one imported, one required), where every class of ours is another one.
// `instanceof` sees neither, so what a value is is asked of the value.

/** Whether something thrown is an Error, of whatever realm. */
export function isError(thrown: unknown): thrown is Error {
  // The tag of an Error is an internal slot, which realms share; DOMException has one of its own and a name and message all the same.
  return /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(thrown)) || thrown instanceof Error;
}

/** What something thrown says. */
export function messageOf(thrown: unknown): string {
  return isError(thrown) ? thrown.message : String(thrown);
}

export function isSharedBuffer(buffer: unknown): buffer is SharedArrayBuffer {
  return (buffer as SharedArrayBuffer | null | undefined)?.[Symbol.toStringTag] === 'SharedArrayBuffer';
}

/** A class whose instances bear a mark. */
export type Marked = abstract new (...args: never[]) => object;

/** Marks a class's instances, so that the package's other build knows them. */
export function mark(type: Marked, symbol: symbol): void {
  Object.defineProperty(type.prototype, symbol, { value: true });
}

/** Whether a value is an instance of the class itself, or of one derived from it, in this build. */
export function isOwn<T extends Marked>(type: T, value: unknown): value is InstanceType<T> {
  return Function.prototype[Symbol.hasInstance].call(type, value);
}

/**
 * For `static [Symbol.hasInstance]`: whether a value bears the mark, whichever build made it. Classes that users derive inherit the
 * method and mean their own instances only.
 */
export function isMarked(type: Marked, base: Marked, symbol: symbol, value: unknown): boolean {
  if (type !== base) return isOwn(type, value);
  return typeof value === 'object' && value !== null && symbol in value;
}
