// How objects of ours look in console.log: Node, Bun and Deno ask them by registered symbols, so nothing has to be imported.

const ASKED_BY = [Symbol.for('nodejs.util.inspect.custom'), Symbol.for('Deno.customInspect')];

/** Has a class's instances shown as this line, and not as the insides that they have. It must not throw, whatever state they are in. */
export function showAs<T>(type: { readonly prototype: T }, line: (instance: T) => string): void {
  for (const symbol of ASKED_BY) {
    Object.defineProperty(type.prototype, symbol, {
      value(this: T): string {
        // The prototype itself is none of the class's instances.
        return this === type.prototype ? '[prototype]' : line(this);
      },
      configurable: true,
      writable: true,
    });
  }
}
