// Services of the fake registry, packed as the addon packs them.

import { packTexts } from "./fake-deliveries.js";

/** What a fake service is made of. */
export interface FakeService {
  readonly no: number;
  readonly name: string;
  readonly audience: string;
  readonly groups: Set<string>;
  readonly methods: string[];
  sequence: number;
  known: boolean;
}

/** The process they belong to. */
export interface Owner {
  readonly id: string;
  readonly label: string;
}

/** What a look-up or a watch asks for; what is left out matches everything. */
export interface Wanted {
  readonly name: string | undefined;
  readonly identity: string | undefined;
  readonly group: string | undefined;
}

export function matches(owner: Owner, service: FakeService, wanted: Wanted): boolean {
  const { name, identity, group } = wanted;
  return (
    (name === undefined || name === service.name) &&
    (identity === undefined || identity === `${owner.id}.${service.no}`) &&
    (group === undefined || service.groups.has(group))
  );
}

export function packServices(owner: Owner, services: readonly FakeService[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(services.length);
  return Buffer.concat([count, ...services.map((service) => packService(owner, service))]);
}

function packService(owner: Owner, service: FakeService): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(service.no, 0);
  head.writeUInt32LE(service.no, 4);
  return Buffer.concat([head, packTexts([service.name]), packCommon(owner, service)]);
}

export function packCommon(owner: Owner, service: FakeService): Buffer {
  return Buffer.concat([
    Buffer.of(1),
    Buffer.from(owner.id),
    packTexts([service.audience, owner.label, ""]),
    packList([...service.groups]),
    packList(service.methods),
  ]);
}

function packList(texts: string[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16LE(texts.length);
  return Buffer.concat([count, packTexts(texts)]);
}
