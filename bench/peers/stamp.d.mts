export function nowNs(): number;
export function stamp(data: Uint8Array): void;
export class Arrivals {
  checksum: number;
  note(data: Uint8Array): void;
  collect(): number[];
}
