/** A device behind the proxy in memory, and an observer on the other side that sends it probes: scanner, every stage of the
 *  product, queue and writer are real, the clock is not. */
import type { Policy } from '../../../src/policy/policy.ts';
import { Random } from '../../support/random.ts';
import { connectThroughEveryStage } from '../every-stage.ts';
import type { Legs } from '../legs.ts';
import type { Observation } from './classifier.ts';
import { latencyOf } from './latency.ts';
import { sm, type Probe } from './probes.ts';
import { VirtualTime } from './virtual-time.ts';

/** Time between two probes: longer than anything waits. */
const betweenMs = 61_000;
/** After one answer in so many the device's user writes a message. */
const messagesEach = 10;

/** Milliseconds that the proxy has added. */
export interface Waits {
  readonly answers: number[];
  /** Of messages that the device sends right after an answer, to the same contact. */
  readonly messages: number[];
}

export class Device {
  readonly #time = new VirtualTime();
  readonly #legs: Legs;
  readonly #probe: Probe;
  readonly #random: Random;
  readonly waits: Waits = { answers: [], messages: [] };
  #count = 0;

  constructor(policy: string | Policy, probe: Probe, seed: number) {
    this.#random = new Random(seed);
    const random = (): number => this.#random.below(2 ** 32 - 1) / 2 ** 32;
    this.#legs = connectThroughEveryStage(policy, 'phone', {
      now: this.#time.now,
      schedule: this.#time.schedule,
      random,
    });
    this.#probe = probe;
    if (probe.field !== 'answer.acknowledgement') return;
    this.#legs.read('to-gatekeeper', `<enable xmlns='${sm}'/>`);
    this.#legs.read('to-client', `<enabled xmlns='${sm}'/>`);
  }

  /** Sends probes and waits for each answer. @returns what the observer measures */
  observe(probes: number, medianMs: number): Observation {
    return Array.from({ length: probes }, () => this.#measure(medianMs));
  }

  end(): void {
    void this.#legs.relay.end();
  }

  #measure(medianMs: number): number | undefined {
    const n = (this.#count += 1);
    const { out } = this.#legs;
    for (const side of Object.values(out)) side.length = 0;
    // Not at the same point of a tick each time.
    this.#time.advanceTo(this.#time.ms + betweenMs + this.#random.below(60_000));
    const askedAt = this.#time.ms;
    this.#legs.read('to-client', this.#probe.ask(n));
    if (this.#legs.failure !== undefined) throw this.#legs.failure;
    // The proxy has answered, or kept the probe from the device.
    if (out['to-client'].length === 0) return out['to-gatekeeper'].length === 0 ? undefined : 0;
    this.#time.advanceTo(askedAt + latencyOf(medianMs, this.#random));
    const answeredAt = this.#time.ms;
    this.#legs.read('to-gatekeeper', this.#probe.answer(n));
    const writes = this.#random.once(messagesEach);
    if (writes) this.#legs.read('to-gatekeeper', followUp(n));
    return this.#await(askedAt, answeredAt, writes);
  }

  #await(askedAt: number, answeredAt: number, writes: boolean): number | undefined {
    const out = this.#legs.out['to-gatekeeper'];
    let measured: number | undefined;
    let seen = 0;
    do {
      for (; seen < out.length; seen += 1) {
        for (const [, id] of out[seen]!.matchAll(/<(?:message|iq|a) [^>]*?(?:id|h)='([^']*)'/g)) {
          if (id!.startsWith('f')) this.waits.messages.push(this.#time.ms - answeredAt);
          else {
            measured ??= this.#time.ms - askedAt;
            this.waits.answers.push(this.#time.ms - answeredAt);
          }
        }
      }
      if (measured !== undefined && !writes) break;
    } while (this.#time.step(answeredAt + betweenMs));
    return measured;
  }
}

function followUp(n: number): string {
  return `<message to='romeo@montague.example/orchard' type='chat' id='f${n}'><body>Ay me</body></message>`;
}
