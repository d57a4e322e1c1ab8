// The topics of the Python package's wire: its two types, and the quality of service of their four endpoints.

import type { DdsQos } from './library';
import type { DdsType } from './type';

/** Bytes as idlc prints them. */
function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

// Op words of Cyclone's serialiser: a member's type, then its offset in the C struct.
const STRING = 0x01050000;
const INT64 = 0x01040004;
const INT64_SEQUENCE = 0x01070404;

/**
 * `@final struct PoolMetadata { string name; sequence<int64> shape; string dtype_str, backend_type; int64 history_len; string device;
 * int64 element_size, total_size; string shm_name; int64 creator_pid; string payload_json; }`
 */
export const POOL_METADATA_TYPE: DdsType = {
  name: 'PoolMetadata',
  extensibility: 'final',
  descriptor: {
    sampleBytes: 104,
    sampleAlign: 8,
    // biome-ignore format: a member a line
    ops: [
      STRING, 0,
      INT64_SEQUENCE, 8,
      STRING, 32,
      STRING, 40,
      INT64, 48,
      STRING, 56,
      INT64, 64,
      INT64, 72,
      STRING, 80,
      INT64, 88,
      STRING, 96,
      0,
    ],
    typeInformation: bytes(
      '6000000001100040280000002400000014000000f192a341c238b01d07a00cabfd3a3300cc00000000000000040000000000000002100040' +
        '280000002400000014000000f2a0357a68a1607a148d76a43aa7320073010000000000000400000000000000',
    ),
    typeMapping: bytes(
      'e000000001000000f192a341c238b01d07a00cabfd3a3300c8000000f15101000100000000000000b80000000b0000000c00000000000000' +
        '01007000b068931c1000000001000000010080f3010000058c73a98a0c000000020000000100700098e976640c0000000300000001007000' +
        '8242b58f0b0000000400000001000553984049000c0000000500000001007000913f9c490b00000006000000010005d9809ed9000b000000' +
        '070000000100052cd6b347000c0000000800000001007000959672210b00000009000000010005d5aea4c4000c0000000a00000001007000' +
        '07de8b118701000001000000f2a0357a68a1607a148d76a43aa732006f010000f251010015000000000000000d000000506f6f6c4d657461' +
        '64617461000000004b0100000b000000130000000000000001007000050000006e616d65000000001800000001000000010080f301000005' +
        '0600000073686170650000001800000002000000010070000a00000064747970655f7374720000001b00000003000000010070000d000000' +
        '6261636b656e645f74797065000000001a00000004000000010005000c000000686973746f72795f6c656e00000000001500000005000000' +
        '01007000070000006465766963650000000000001b00000006000000010005000d000000656c656d656e745f73697a650000000019000000' +
        '07000000010005000b000000746f74616c5f73697a650000000000001700000008000000010070000900000073686d5f6e616d6500000000' +
        '1a00000009000000010005000c00000063726561746f725f70696400000000001b0000000a000000010070000d0000007061796c6f61645f' +
        '6a736f6e000000002200000001000000f2a0357a68a1607a148d76a43aa732f192a341c238b01d07a00cabfd3a33',
    ),
  },
};

/** `@final struct PoolProgressMessage { string pool_name; int64 latest_frame; }` */
export const POOL_PROGRESS_TYPE: DdsType = {
  name: 'PoolProgressMessage',
  extensibility: 'final',
  descriptor: {
    sampleBytes: 16,
    sampleAlign: 8,
    ops: [STRING, 0, INT64, 8, 0],
    typeInformation: bytes(
      '6000000001100040280000002400000014000000f1695160b493c1a0297d29023cc9eb003700000000000000040000000000000002100040' +
        '280000002400000014000000f243410287c20efdb530222719e1c0006b000000000000000400000000000000',
    ),
    typeMapping: bytes(
      '4b00000001000000f1695160b493c1a0297d29023cc9eb0033000000f1510100010000000000000023000000020000000c00000000000000' +
        '01007000e78b7c540b00000001000000010005fe6374ce007f00000001000000f243410287c20efdb530222719e1c00067000000f2510100' +
        '1c0000000000000014000000506f6f6c50726f67726573734d657373616765003f000000020000001800000000000000010070000a000000' +
        '706f6f6c5f6e616d650000001b00000001000000010005000d0000006c61746573745f6672616d65000000002200000001000000f2434102' +
        '87c20efdb530222719e1c0f1695160b493c1a0297d29023cc9eb',
    ),
  },
};

const BOTH = ['xcdr1', 'xcdr2'] as const;
const RELIABLE = {
  reliability: 'reliable',
  maxBlockingMs: 100,
  liveliness: { leaseMs: Infinity },
  dataRepresentation: BOTH,
} as const;
const BEST_EFFORT = { reliability: 'best-effort', liveliness: { leaseMs: Infinity }, dataRepresentation: BOTH } as const;

/** The Python package's endpoints. A writer of ours may promise more, such as `liveliness: { leaseMs: 500 }`. */
export const POOL_QOS = {
  metadataWriter: { ...RELIABLE, durability: 'transient', history: 1 },
  /** `history` is the producer's `keep_last`, 10 unless it is told otherwise. */
  progressWriter: { ...RELIABLE, durability: 'transient-local', history: 10 },
  metadataReader: { ...BEST_EFFORT, durability: 'volatile', history: 1 },
  progressReader: { ...BEST_EFFORT, durability: 'transient-local', history: 10 },
} as const satisfies Record<string, DdsQos>;
