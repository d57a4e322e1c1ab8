import type { DdsHandle, DdsQos, DdsTypeDescription } from './library';

/** A name and a type that writers and readers meet by. Made by DdsParticipant.topic; closed with its participant. */
export class DdsTopic {
  /** @internal */
  constructor(
    readonly name: string,
    /** @internal */
    readonly type: DdsTypeDescription,
    readonly qos: DdsQos,
    /** @internal */
    readonly handle: DdsHandle,
    /** @internal Which participant's it is. */
    readonly participant: DdsHandle,
  ) {}

  get typeName(): string {
    return this.type.name;
  }
}
