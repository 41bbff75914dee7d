/** The capability stages between two recorded legs, with a clock of the test's. */
import { expect } from 'vitest';
import { defaultAdvertisementLimits } from '../../../src/capabilities/advertisements.ts';
import { CapabilityCache } from '../../../src/capabilities/capability-cache.ts';
import { contentVocabulary } from '../../../src/capabilities/content-kinds.ts';
import { verificationHash } from '../../../src/capabilities/entity-capabilities.ts';
import type { CapabilityProfile } from '../../../src/capabilities/profile.ts';
import { capabilitiesStage } from '../../../src/session/capabilities/capabilities-stage.ts';
import { CapabilitySessions } from '../../../src/session/capabilities/capability-sessions.ts';
import { contentFilterStage } from '../../../src/session/capabilities/content-filter-stage.ts';
import type { SessionFacts } from '../../../src/session/facts.ts';
import type { Stage, StagePort } from '../../../src/session/stage.ts';
import type { Direction } from '../../../src/stanza/direction.ts';
import { noClaims } from '../../../src/stanza/ownership-claims.ts';
import type { HeldStanza, Disposition } from '../../../src/stanza/verdict.ts';
import { createVocabulary } from '../../../src/stanza/vocabulary.ts';
import { infoOf } from '../../capabilities/disco-xml.ts';
import { profileOf, setOf, table } from '../../capabilities/shipped.ts';
import { applied, stanzaOf } from '../../capabilities/stanza-of.ts';

const names = createVocabulary(contentVocabulary(table));
export const { holdMs, readvertiseJitterMs } = defaultAdvertisementLimits;

export const juliet = 'juliet@capulet.example/balcony';
export const romeo = 'romeo@montague.example/orchard';
export const disco = 'http://jabber.org/protocol/disco#info';
export const info = (...features: string[]) =>
  `<query xmlns='${disco}'><identity category='client' type='pc' name='Gajim'/>` +
  `${[disco, ...features].map((name) => `<feature var='${name}'/>`).join('')}</query>`;
export const verOf = (query: string) => verificationHash(infoOf(query));
export const c = (ver: string) =>
  `<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='${ver}'/>`;

export const declared = profileOf('cohort: false', 'receives: { text: true, reaction: true }');

/** A stage between recorded legs; time passes when the test says so. */
export class Bench {
  readonly sent: Record<Direction, string[]> = { 'to-gatekeeper': [], 'to-client': [] };
  readonly counted: string[] = [];
  readonly shared: CapabilitySessions;
  readonly #stages: readonly Stage[];
  #now = 0;
  #tasks: { at: number; run: () => void }[] = [];

  constructor(...profiles: CapabilityProfile[]) {
    this.shared = new CapabilitySessions({
      policy: { profiles: setOf(...profiles), table },
      cache: new CapabilityCache(),
      names,
      limits: defaultAdvertisementLimits,
      random: () => 0.5,
      newId: () => `own${(this.#ids += 1)}`,
      observer: {
        asked: (whom) => this.counted.push(`asked ${whom}`),
        answered: () => {},
        held: () => this.counted.push('held'),
        filtered: (action, kind) => this.counted.push(`${action} ${kind}`),
      },
    });
    this.#stages = [capabilitiesStage(this.shared), contentFilterStage(this.shared)].map((factory) =>
      factory.begin(this.#port()),
    );
  }

  #ids = 0;
  readonly #context = {
    domain: 'capulet.example',
    listener: 'clients',
    account: 'juliet@capulet.example',
    claims: noClaims,
  } as SessionFacts;

  #port(): StagePort {
    return {
      context: this.#context,
      now: () => this.#now,
      schedule: (milliseconds, run) => {
        const task = { at: this.#now + milliseconds, run };
        this.#tasks.push(task);
        return () => (this.#tasks = this.#tasks.filter((other) => other !== task));
      },
      inject: (direction, stanza) => this.sent[direction].push(Buffer.from(stanza).toString()),
      repeat: (direction, stanza, edits = []) =>
        this.sent[direction].push(applied(Buffer.from(stanza.wire()).toString(), edits)),
      settleClaims: () => {},
      identify: () => {},
      logInInline: () => {},
    };
  }

  send(direction: Direction, xml: string): void {
    // What is kept must be a copy, so the stanza is spoilt after the call.
    const stanza = stanzaOf(xml, names);
    for (const stage of this.#stages) {
      const verdict = stage.judge(stanza, direction);
      if (this.#carryOut(verdict, xml, direction, stanza.retain())) break;
    }
    stanza.bytes.fill(0);
  }

  #edits: Extract<Disposition, { kind: 'forward' }>['edits'][] = [];

  #carryOut(verdict: Disposition, xml: string, direction: Direction, copy: HeldStanza['stanza']): boolean {
    const back = direction === 'to-client' ? 'to-gatekeeper' : 'to-client';
    const put = (reply: Uint8Array | undefined) =>
      reply !== undefined && this.sent[back].push(Buffer.from(reply).toString());
    switch (verdict.kind) {
      case 'forward':
        this.#edits.push(verdict.edits);
        if (this.#edits.length < 2) return false;
        this.sent[direction].push(
          applied(
            xml,
            this.#edits.flatMap((edits) => edits ?? []),
          ),
        );
        this.#edits = [];
        return true;
      case 'drop':
        put(verdict.reply);
        break;
      case 'hold':
        verdict.keep({
          stanza: copy,
          release: (edits = []) => this.sent[direction].push(applied(xml, edits)),
          drop: put,
        });
        break;
      case 'close':
        throw verdict.error;
    }
    this.#edits = [];
    return true;
  }

  client(xml: string): string[] {
    this.send('to-gatekeeper', xml);
    return this.take('to-gatekeeper');
  }

  gatekeeper(xml: string): string[] {
    this.send('to-client', xml);
    return this.take('to-client');
  }

  take(direction: Direction): string[] {
    return this.sent[direction].splice(0);
  }

  wait(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      const next = this.#tasks.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#tasks = this.#tasks.filter((task) => task !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = until;
  }

  bind(): string[] {
    this.gatekeeper(
      "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>j@a/b</jid></bind></iq>",
    );
    this.wait(0);
    return this.take('to-client');
  }

  /** The answer to a contact that asks by this node. */
  ask(node?: string): string {
    const written = node === undefined ? '' : ` node='${node}'`;
    const before = this.sent['to-client'].length;
    this.send(
      'to-client',
      `<iq type='get' id='d1' from='${romeo}' to='${juliet}'><query xmlns='${disco}'${written}/></iq>`,
    );
    expect(this.sent['to-client']).toHaveLength(before);
    const answers = this.take('to-gatekeeper');
    expect(answers).toHaveLength(1);
    return answers[0]!;
  }

  /** The client answers what it has been asked. */
  answer(id: string, query: string): string[] {
    return this.client(`<iq type='result' id='${id}' to='capulet.example'>${query}</iq>`);
  }
}

export const verIn = (xml: string) => / ver='([^']*)'/.exec(xml)![1]!;
export const queryIn = (xml: string) => /<query.*<\/query>/.exec(xml)![0];
export const idIn = (xml: string) => / id='([^']*)'/.exec(xml)![1]!;
