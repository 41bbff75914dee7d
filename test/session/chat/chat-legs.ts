/** A relay of the chat channel in memory: a stage that decides by a function, and time that passes when told to. */
import type { StageFactory } from '../../../src/session/stage.ts';
import { chatStanzas } from '../../../src/stanza/chat-stanzas.ts';
import type { Direction } from '../../../src/stanza/direction.ts';
import { ns } from '../../../src/stanza/namespaces.ts';
import type { Stanza } from '../../../src/stanza/stanza.ts';
import type { Disposition } from '../../../src/stanza/verdict.ts';
import { ManualClock } from '../conversation.ts';
import { Legs, type LegsOptions } from '../legs.ts';

export type Judge = (stanza: Stanza, direction: Direction) => Disposition;

export class ChatLegs {
  readonly clock: ManualClock;
  readonly legs: Legs;

  constructor(
    judge: Judge,
    { clock = new ManualClock(), ...options }: Partial<LegsOptions> & { clock?: ManualClock } = {},
  ) {
    this.clock = clock;
    const policy: StageFactory = { name: 'policy', begin: () => ({ judge }) };
    this.legs = new Legs({
      stages: [policy],
      protocol: chatStanzas,
      header: `<stream:stream xmlns='${ns.chat}' xmlns:n='${ns.chatMarks}' xmlns:stream='${ns.streams}' version='1.0'>`,
      now: () => clock.now,
      schedule: clock.schedule,
      ...options,
    });
  }

  /** The gatekeeper sends this.
   *  @returns what both sides have got since the last call */
  fromGatekeeper(xml: string): { client: string; gatekeeper: string } {
    this.legs.read('to-client', xml);
    return this.news();
  }

  /** The client sends this.
   *  @returns what both sides have got since the last call */
  fromClient(xml: string): { client: string; gatekeeper: string } {
    this.legs.read('to-gatekeeper', xml);
    return this.news();
  }

  /** Returns what both sides have got since the last call. */
  news(): { client: string; gatekeeper: string } {
    const { out } = this.legs;
    return {
      client: out['to-client'].splice(0).join(''),
      gatekeeper: out['to-gatekeeper'].splice(0).join(''),
    };
  }
}
