import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readContentKinds, type ContentKinds } from '../../src/capabilities/content-kinds.ts';
import { readProfile, type CapabilityProfile } from '../../src/capabilities/profile.ts';
import { createProfileSet, type ProfileSet } from '../../src/capabilities/profile-set.ts';

const policies = new URL('../../policies/', import.meta.url).pathname;

/** The content kinds that ship with the product. */
export const table: ContentKinds = readTable(readFileSync(join(policies, 'content-kinds.yaml'), 'utf8'));

export function readTable(text: string): ContentKinds {
  const reading = readContentKinds({ file: 'kinds.yaml', text });
  if (reading.kind === 'invalid') throw new Error(JSON.stringify(reading.problems));
  return reading.table;
}

/** The profiles that ship with the product, by file name. */
export const shipped: ReadonlyMap<string, CapabilityProfile> = new Map(
  readdirSync(join(policies, 'capabilities')).map((file) => [
    file.replace('.yaml', ''),
    readOne(readFileSync(join(policies, 'capabilities', file), 'utf8')),
  ]),
);

function readOne(text: string): CapabilityProfile {
  const reading = readProfile({ file: 'profile.yaml', text }, table);
  if (reading.kind === 'invalid') throw new Error(JSON.stringify(reading.problems));
  return reading.profile;
}

/** A profile with the least that one needs, and these lines. */
export function profileOf(...lines: string[]): CapabilityProfile {
  return readOne(profileText(...lines));
}

export function profileText(...lines: string[]): string {
  const given = lines.join('\n');
  const base = {
    apiVersion: 'apiVersion: narthex/v1',
    kind: 'kind: CapabilityProfile',
    name: 'name: test',
    identity: 'identity: { type: phone }',
    node: 'node: https://caps.example/test',
    receives: 'receives: { text: true }',
  };
  const missing = Object.entries(base).filter(([key]) => !new RegExp(`^${key}:`, 'm').test(given));
  return [...missing.map(([, line]) => line), given, ''].join('\n');
}

export function setOf(...profiles: CapabilityProfile[]): ProfileSet {
  const reading = createProfileSet(profiles);
  if (reading.kind === 'invalid') throw new Error(reading.code);
  return reading.profiles;
}
