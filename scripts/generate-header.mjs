// Renders native-shim/include/tensor_ipc_layout.h. Called by generate.mjs only.

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function cType({ name, bytes }) {
  if (bytes === 8) return name.endsWith('Ns') ? 'int64_t' : 'uint64_t';
  if (bytes === 4 || name === 'lengths') return 'uint32_t';
  return 'char';
}

const extent = ({ name, bytes }) => (name === 'lengths' ? `[${bytes / 4}]` : bytes > 8 ? `[${bytes}]` : '');

/** One struct, its gaps filled with named reserved bytes, and the assertions about it. */
function renderStruct(name, fields, bytes) {
  const lines = [];
  const asserts = [`TIPC_ASSERT(sizeof(struct tipc_${name}) == ${bytes}, ${name}_bytes);`];
  let end = 0;
  const reserve = (until) => {
    if (until > end) lines.push(`  uint8_t reserved_${end}[${until - end}];`);
  };
  for (const field of fields) {
    reserve(field.offset);
    const member = snake(field.name);
    const declaration = `  ${cType(field)} ${member}${extent(field)};`;
    lines.push(`${declaration.padEnd(32)}/* ${String(field.offset).padStart(3)}  ${field.note} */`);
    asserts.push(
      `TIPC_ASSERT(offsetof(struct tipc_${name}, ${member}) == ${field.offset}, ${name}_${member}_offset);`,
      `TIPC_ASSERT(sizeof(((struct tipc_${name} *)0)->${member}) == ${field.bytes}, ${name}_${member}_bytes);`,
    );
    end = field.offset + field.bytes;
  }
  reserve(bytes);
  return `struct tipc_${name} {\n${lines.join('\n')}\n};\n\n${asserts.join('\n')}\n`;
}

function renderConstants(constants) {
  const lines = [];
  for (const { heading, name, value, doc } of constants) {
    if (heading !== undefined) {
      lines.push('', `/* ---- ${heading} */`, '');
      continue;
    }
    if (doc) lines.push(`/* ${doc} */`);
    const unsigned = /^(MAGIC|BYTE_ORDER|LAYOUT_SIGNATURE)_/.test(name);
    const number = unsigned
      ? `UINT32_C(0x${(value >>> 0).toString(16).padStart(8, '0')})`
      : value < 0
        ? `(${value})`
        : String(value);
    lines.push(`#define TIPC_${name} ${number}`);
  }
  return lines.join('\n');
}

/** What only the library's own core uses. */
function isPrivate({ name }) {
  return name?.startsWith('HANDLE_');
}

export function renderHeader({ structs, constants, layout, dtypes, signature }) {
  const sizes = { header: layout.HEADER_BYTES, consumer: layout.CONSUMER_BYTES, slot: layout.SLOT_BYTES };
  return `/*
 * The layout of a tensor-ipc pool object, for C99 and C++11. Generated from assembly/layout.ts by "npm run generate": do not edit.
 *
 * docs/pool-format.md says what the fields mean and in which order they are read and written. Everything is little-endian. The
 * structs describe memory that other processes change at any time: read and write the words that processes race on with the
 * compiler's atomic builtins, sequentially consistent, and copy everything else out before checking it.
 */
#ifndef TENSOR_IPC_LAYOUT_H
#define TENSOR_IPC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensor-ipc pools are little-endian"
#endif

#if defined(__cplusplus)
#define TIPC_ASSERT(condition, name) static_assert(condition, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TIPC_ASSERT(condition, name) _Static_assert(condition, #name)
#else
#define TIPC_ASSERT(condition, name) typedef char tipc_assert_##name[(condition) ? 1 : -1]
#endif

#define TIPC_MAGIC UINT64_C(0x${(layout.MAGIC_HIGH >>> 0).toString(16)}${(layout.MAGIC_LOW >>> 0).toString(16).padStart(8, '0')})
#define TIPC_LAYOUT_SIGNATURE UINT64_C(${signature})

/* No pin. */
#define TIPC_NONE UINT64_MAX
/* Largest position, so that sequence numbers are exact as doubles. */
#define TIPC_MAX_POSITION (UINT64_C(1) << 53)
/* Values of a slot's stamp. */
#define TIPC_STAMP_DONE(position) (((uint64_t)(position) << 1) + 2)
#define TIPC_STAMP_WRITING(position) (((uint64_t)(position) << 1) + 1)

/* Objects and doorbells are files of /dev/shm: prefix and pool name; of a doorbell also '.' and 16 hexadecimal digits. */
#define TIPC_OBJECT_PREFIX "tensoripc."
#define TIPC_DOORBELL_PREFIX "tensoripc-bell."

/* Locks are open-file-description locks: the commands of fcntl, which old headers do not have. */
#define TIPC_F_OFD_GETLK 36
#define TIPC_F_OFD_SETLK 37

/* Dtypes: name in the metadata, bytes, and DLPack's type code and bits (dlpack.h, DLDataTypeCode). */
#define TIPC_DTYPES(X) \\
${dtypes.map(({ name, bytes, code, bits }) => `  X("${name}", ${bytes}, ${code}, ${bits})`).join(' \\\n')}
${renderConstants(constants.filter((constant) => !isPrivate(constant) && !/^handle/.test(constant.heading ?? '')))}

/* ---- structs */

${Object.entries(structs)
  .map(([name, fields]) => renderStruct(name, fields, sizes[name]))
  .join('\n')}
#endif
`;
}
