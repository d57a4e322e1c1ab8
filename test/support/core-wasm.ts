// A small reader of WebAssembly binaries: sections, imports, exports, and the instructions of each function body.

const DECODER = new TextDecoder();

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
} as const;

const EXTERNAL_KINDS = ['function', 'table', 'memory', 'global'] as const;
type ExternalKind = (typeof EXTERNAL_KINDS)[number];

export interface Instruction {
  /** 'i64.atomic.store', 'call', or the opcode in hexadecimal for what no test asks about. */
  readonly name: string;
  /** Static offset of a memory access; function index of a call; value of an i32.const. */
  readonly operand: number;
}

export interface WasmModule {
  readonly sections: readonly { readonly id: number; readonly bytes: number }[];
  readonly imports: readonly {
    readonly module: string;
    readonly name: string;
    readonly kind: ExternalKind;
    readonly shared: boolean;
  }[];
  readonly exports: readonly { readonly name: string; readonly kind: ExternalKind; readonly index: number }[];
  readonly mutableGlobals: number;
  /** Bodies by function index, imported functions left out. */
  readonly functions: ReadonlyMap<number, readonly Instruction[]>;
}

class Cursor {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error(`the module ends at ${this.at}`);
    return byte;
  }

  unsigned(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }

  signed(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return byte & 0x40 ? value - factor : value;
    }
  }

  text(): string {
    const length = this.unsigned();
    this.at += length;
    return DECODER.decode(this.bytes.subarray(this.at - length, this.at));
  }

  take(length: number): Cursor {
    this.at += length;
    return new Cursor(this.bytes.subarray(this.at - length, this.at));
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }
}

const PLAIN_ACCESS = [
  ...['i32.load', 'i64.load', 'f32.load', 'f64.load', 'i32.load8_s', 'i32.load8_u', 'i32.load16_s', 'i32.load16_u'],
  ...['i64.load8_s', 'i64.load8_u', 'i64.load16_s', 'i64.load16_u', 'i64.load32_s', 'i64.load32_u'],
  ...[
    'i32.store',
    'i64.store',
    'f32.store',
    'f64.store',
    'i32.store8',
    'i32.store16',
    'i64.store8',
    'i64.store16',
    'i64.store32',
  ],
];
const ATOMIC_VERBS = ['add', 'sub', 'and', 'or', 'xor', 'xchg'];

function atomicName(code: number): string {
  const widths = ['i32', 'i64', 'i32.8', 'i32.16', 'i64.8', 'i64.16', 'i64.32'];
  if (code < 0x03) return ['memory.atomic.notify', 'memory.atomic.wait32', 'memory.atomic.wait64'][code] as string;
  if (code >= 0x10 && code < 0x17) return `${widths[code - 0x10]}.atomic.load`;
  if (code >= 0x17 && code < 0x1e) return `${widths[code - 0x17]}.atomic.store`;
  if (code >= 0x1e && code < 0x48)
    return `${widths[(code - 0x1e) % 7]}.atomic.rmw.${ATOMIC_VERBS[Math.floor((code - 0x1e) / 7)]}`;
  if (code >= 0x48 && code < 0x4f) return `${widths[code - 0x48]}.atomic.rmw.cmpxchg`;
  throw new Error(`atomic opcode ${code.toString(16)}`);
}

function readInstruction(body: Cursor): Instruction {
  const opcode = body.byte();
  const name = opcode.toString(16).padStart(2, '0');
  if (opcode >= 0x28 && opcode <= 0x3e) {
    body.unsigned();
    return { name: PLAIN_ACCESS[opcode - 0x28] as string, operand: body.unsigned() };
  }
  switch (opcode) {
    case 0x02: // block
    case 0x03: // loop
    case 0x04: // if
    case 0x42: // i64.const
      body.signed();
      return { name, operand: 0 };
    case 0x41:
      return { name: 'i32.const', operand: body.signed() };
    case 0x10:
      return { name: 'call', operand: body.unsigned() };
    case 0x11:
      body.unsigned();
      return { name: 'call_indirect', operand: body.unsigned() };
    case 0x0c: // br
    case 0x0d: // br_if
    case 0x20: // local.get
    case 0x21: // local.set
    case 0x22: // local.tee
      return { name, operand: body.unsigned() };
    case 0x23:
      return { name: 'global.get', operand: body.unsigned() };
    case 0x24:
      return { name: 'global.set', operand: body.unsigned() };
    case 0x0e: // br_table
      for (let left = body.unsigned(); left >= 0; left--) body.unsigned();
      return { name, operand: 0 };
    case 0x3f:
      return { name: 'memory.size', operand: body.unsigned() };
    case 0x40:
      return { name: 'memory.grow', operand: body.unsigned() };
    case 0x43: // f32.const
      body.take(4);
      return { name, operand: 0 };
    case 0x44: // f64.const
      body.take(8);
      return { name, operand: 0 };
    case 0xfc: {
      const sub = body.unsigned();
      const immediates = sub < 8 ? 0 : sub === 9 || sub === 11 || sub === 13 || sub >= 15 ? 1 : 2;
      for (let i = 0; i < immediates; i++) body.unsigned();
      return { name: sub === 10 ? 'memory.copy' : sub === 11 ? 'memory.fill' : `fc ${sub}`, operand: 0 };
    }
    case 0xfe: {
      const sub = body.unsigned();
      if (sub === 0x03) {
        if (body.byte() !== 0) throw new Error('atomic.fence with an order that engines refuse');
        return { name: 'atomic.fence', operand: 0 };
      }
      body.unsigned();
      return { name: atomicName(sub), operand: body.unsigned() };
    }
    default:
      // Everything else that the compiler emits is a bare opcode: control ends, drop, select, comparisons, arithmetic, conversions.
      if (opcode <= 0x0f || opcode === 0x1a || opcode === 0x1b || (opcode >= 0x45 && opcode <= 0xc4)) return { name, operand: 0 };
      throw new Error(`opcode ${name} at ${body.at}`);
  }
}

export function readWasm(bytes: Uint8Array): WasmModule {
  const module = new Cursor(bytes);
  if (DECODER.decode(module.take(4).bytes) !== '\0asm') throw new Error('not a WebAssembly module');
  module.take(4);
  const sections: { id: number; bytes: number }[] = [];
  const imports: { module: string; name: string; kind: ExternalKind; shared: boolean }[] = [];
  const exports: { name: string; kind: ExternalKind; index: number }[] = [];
  const functions = new Map<number, Instruction[]>();
  let mutableGlobals = 0;
  while (!module.done) {
    const id = module.byte();
    const section = module.take(module.unsigned());
    sections.push({ id, bytes: section.bytes.length });
    if (id === SECTION.import) {
      for (let left = section.unsigned(); left > 0; left--) {
        const from = section.text();
        const name = section.text();
        const kind = EXTERNAL_KINDS[section.byte()] as ExternalKind;
        let shared = false;
        if (kind === 'memory') {
          const flags = section.byte();
          shared = (flags & 2) !== 0;
          section.unsigned();
          if (flags & 1) section.unsigned();
        } else if (kind === 'function') section.unsigned();
        else throw new Error(`an imported ${kind} is not expected`);
        imports.push({ module: from, name, kind, shared });
      }
    } else if (id === SECTION.global) {
      for (let left = section.unsigned(); left > 0; left--) {
        section.byte();
        mutableGlobals += section.byte();
        while (section.bytes[section.at] !== 0x0b) readInstruction(section);
        section.byte();
      }
    } else if (id === SECTION.export) {
      for (let left = section.unsigned(); left > 0; left--) {
        const name = section.text();
        const kind = EXTERNAL_KINDS[section.byte()] as ExternalKind;
        exports.push({ name, kind, index: section.unsigned() });
      }
    } else if (id === SECTION.code) {
      const first = imports.filter(({ kind }) => kind === 'function').length;
      const count = section.unsigned();
      for (let index = first; index < first + count; index++) {
        const body = section.take(section.unsigned());
        for (let groups = body.unsigned(); groups > 0; groups--) {
          body.unsigned();
          body.byte();
        }
        const instructions: Instruction[] = [];
        while (!body.done) instructions.push(readInstruction(body));
        functions.set(index, instructions);
      }
    }
  }
  return { sections, imports, exports, mutableGlobals, functions };
}

/** The instructions of a function with those of the functions that it calls in place of the calls. */
export function flatten(module: WasmModule, index: number): Instruction[] {
  return (module.functions.get(index) ?? []).flatMap((instruction) =>
    instruction.name === 'call' ? flatten(module, instruction.operand) : [instruction],
  );
}
