// A debugger's breakpoint for the core: a copy of the module that stops right after one of its stores. What it had written by then
// stays written, which is what a process leaves behind that is killed between two stores.

const SECTION_IMPORT = 2;
const SECTION_EXPORT = 7;
const SECTION_CODE = 10;
const UNREACHABLE = 0x00;

class Reader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    return this.bytes[this.at++] as number;
  }

  /** LEB128; signed ones are only skipped, so their value does not matter. */
  leb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  text(): string {
    return new TextDecoder().decode(this.take(this.leb()));
  }
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) + 128);
  }
}

interface Instruction {
  readonly stores: boolean;
  readonly calls: number | null;
}

const PLAIN: Instruction = { stores: false, calls: null };
const STORE: Instruction = { stores: true, calls: null };

function readInstruction(body: Reader): Instruction {
  const opcode = body.byte();
  if (opcode >= 0x28 && opcode <= 0x3e) {
    body.leb();
    body.leb();
    return opcode >= 0x36 ? STORE : PLAIN;
  }
  if (opcode === 0x10) return { stores: false, calls: body.leb() };
  if ([0x02, 0x03, 0x04, 0x0c, 0x0d, 0x20, 0x21, 0x22, 0x23, 0x24, 0x3f, 0x40, 0x41, 0x42].includes(opcode)) {
    body.leb();
    return PLAIN;
  }
  if (opcode === 0x0e) {
    for (let left = body.leb(); left >= 0; left--) body.leb();
    return PLAIN;
  }
  if (opcode === 0x43) body.take(4);
  else if (opcode === 0x44) body.take(8);
  else if (opcode === 0xfc) {
    const operation = body.leb();
    if (operation === 10 || operation === 11) {
      body.take(operation === 10 ? 2 : 1);
      return STORE;
    }
    if (operation > 7) throw new Error(`opcode fc ${operation}`);
  } else if (opcode === 0xfe) {
    const operation = body.leb();
    if (operation === 3) {
      body.byte();
      return PLAIN;
    }
    body.leb();
    body.leb();
    // Below 0x17 lie notify, wait and the loads.
    return operation >= 0x17 ? STORE : PLAIN;
  } else if (!(opcode <= 0x0f || opcode === 0x1a || opcode === 0x1b || (opcode >= 0x45 && opcode <= 0xc4))) {
    throw new Error(`opcode ${opcode.toString(16)} at ${body.at}`);
  }
  return PLAIN;
}

interface Body {
  readonly bytes: Uint8Array;
  /** Where each store ends. */
  readonly stores: readonly number[];
  readonly calls: readonly number[];
}

function readBody(bytes: Uint8Array): Body {
  const reader = new Reader(bytes);
  for (let groups = reader.leb(); groups > 0; groups--) {
    reader.leb();
    reader.byte();
  }
  const stores: number[] = [];
  const calls: number[] = [];
  while (reader.at < bytes.length) {
    const instruction = readInstruction(reader);
    if (instruction.stores) stores.push(reader.at);
    if (instruction.calls !== null) calls.push(instruction.calls);
  }
  return { bytes, stores, calls };
}

/** One store that an exported function makes, itself or through what it calls. */
interface Site {
  readonly body: number;
  readonly at: number;
}

/** The stores of the core's functions, and copies of the core that stop after one of them. */
export class Breakpoints {
  readonly #sections: { id: number; bytes: Uint8Array }[] = [];
  readonly #exports = new Map<string, number>();
  readonly #bodies: Body[] = [];

  constructor(wasm: Uint8Array) {
    const module = new Reader(wasm);
    module.take(8);
    while (module.at < wasm.length) {
      const id = module.byte();
      const bytes = module.take(module.leb());
      this.#sections.push({ id, bytes });
      const section = new Reader(bytes);
      if (id === SECTION_IMPORT) {
        for (let left = section.leb(); left > 0; left--) {
          section.text();
          section.text();
          // Functions would shift every index below; the core imports its memory and nothing else.
          if (section.byte() !== 2) throw new Error('the core imports more than a memory');
          if ((section.byte() & 1) !== 0) section.leb();
          section.leb();
        }
      } else if (id === SECTION_EXPORT) {
        for (let left = section.leb(); left > 0; left--) {
          const name = section.text();
          const isFunction = section.byte() === 0;
          const index = section.leb();
          if (isFunction) this.#exports.set(name, index);
        }
      } else if (id === SECTION_CODE) {
        for (let left = section.leb(); left > 0; left--) this.#bodies.push(readBody(section.take(section.leb())));
      }
    }
  }

  /** Names of the core's functions. */
  get functions(): readonly string[] {
    return [...this.#exports.keys()];
  }

  #sites(body: number): Site[] {
    const { stores, calls } = this.#bodies[body] as Body;
    return [...stores.map((at) => ({ body, at })), ...[...new Set(calls)].flatMap((called) => this.#sites(called))];
  }

  storeCount(name: string): number {
    return this.#sites(this.#exports.get(name) ?? 0).length;
  }

  /** The module with a trap behind store `index` of the function `name`. */
  trapAfter(name: string, index: number): Uint8Array<ArrayBuffer> {
    const site = this.#sites(this.#exports.get(name) ?? 0)[index];
    if (site === undefined) throw new Error(`${name} has no store ${index}`);
    const out: number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    for (const { id, bytes } of this.#sections) {
      const content = id === SECTION_CODE ? this.#code(site) : [...bytes];
      out.push(id, ...leb(content.length), ...content);
    }
    return new Uint8Array(out);
  }

  #code(site: Site): number[] {
    const out = leb(this.#bodies.length);
    for (const [i, { bytes }] of this.#bodies.entries()) {
      const body = [...bytes];
      if (i === site.body) body.splice(site.at, 0, UNREACHABLE);
      out.push(...leb(body.length), ...body);
    }
    return out;
  }
}
