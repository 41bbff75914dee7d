/** The content filter of sessions on the chat channel: the profile by listener and domain, and what the sender is sent. */
import { expect, it } from 'vitest';
import { createWire } from '../../../src/app/tools/wire.ts';
import { defaultAdvertisementLimits } from '../../../src/capabilities/advertisements.ts';
import { CapabilityCache } from '../../../src/capabilities/capability-cache.ts';
import { contentVocabulary } from '../../../src/capabilities/content-kinds.ts';
import { CapabilitySessions } from '../../../src/session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../../src/session/capabilities/content-filter-stage.ts';
import type { StagePort } from '../../../src/session/stage.ts';
import { noClaims } from '../../../src/stanza/ownership-claims.ts';
import { createVocabulary } from '../../../src/stanza/vocabulary.ts';
import { profileOf, setOf, table } from '../../capabilities/shipped.ts';

const names = createVocabulary(contentVocabulary(table));
const wire = createWire();
const poll = `<message xmlns='urn:narthex:chat:0' from='1@s.whatsapp.net' id='A' type='poll'><enc v='2' type='msg'>AAAA</enc></message>`;

function sessionsWith(...profiles: Parameters<typeof setOf>) {
  const filtered: string[] = [];
  const sessions = new CapabilitySessions({
    policy: { profiles: setOf(...profiles), table },
    cache: new CapabilityCache(),
    names,
    limits: defaultAdvertisementLimits,
    random: () => 0.5,
    newId: () => 'own',
    observer: {
      asked: () => {},
      answered: () => {},
      held: () => {},
      filtered: (action, kind) => filtered.push(`${action} ${kind}`),
    },
  });
  const stageFor = (listener: string) => {
    const context = { phase: 'established', listener, domain: 'gk.example', claims: noClaims };
    return contentFilterStage(sessions).begin({ context } as unknown as StagePort);
  };
  return { sessions, stageFor, filtered };
}

const all = profileOf('receives: { text: true, poll: true }');
const few = profileOf('name: few', 'match: { listener: small }', 'receives: { text: true }');

it('drops and acknowledges what a client of the listener does not receive', () => {
  const { stageFor, filtered } = sessionsWith(all, few);
  const stanza = wire.parse(poll, names);
  expect(stageFor('large').judge(stanza, 'to-client')).toEqual({ kind: 'forward' });
  const verdict = stageFor('small').judge(stanza, 'to-client');
  expect(verdict.kind).toBe('drop');
  expect(Buffer.from((verdict as { reply: Uint8Array }).reply).toString()).toBe(
    `<ack xmlns='urn:narthex:chat:0' class='message' id='A' to='1@s.whatsapp.net'/>`,
  );
  expect(filtered).toEqual(['drop poll']);
  expect(stageFor('small').judge(stanza, 'to-gatekeeper')).toEqual({ kind: 'forward' });
});

it('follows profiles that are loaded anew, in sessions that are open', () => {
  const { sessions, stageFor } = sessionsWith(all);
  const stanza = wire.parse(poll, names);
  const stage = stageFor('small');
  expect(stage.judge(stanza, 'to-client').kind).toBe('forward');
  sessions.replace({ profiles: setOf(all, few), table });
  expect(stage.judge(stanza, 'to-client').kind).toBe('drop');
});
