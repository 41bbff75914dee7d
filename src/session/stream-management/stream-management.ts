/** Stream management (XEP-0198) between two peers that count differently, because the proxy drops, adds and delays
 *  stanzas. Every `h` is translated, in both directions, and a resumed stream continues its counts. The proxy keeps
 *  no stanzas; acknowledgements come from the peers. */
import type { Direction } from '../../stanza/direction.ts';
import { appendContent, removeElement, replaceAttribute } from '../../stanza/edits.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { forward, type Edit, type Disposition } from '../../stanza/verdict.ts';
import { AckWindow } from './ack-window.ts';
import { generationOf, type ManagedStream } from './managed-stream.ts';
import type { Resumptions } from './resumptions.ts';
import type { SessionRecord } from '../facts.ts';

const unexpected: Disposition = { kind: 'drop', reply: Buffer.from(failure('unexpected-request')) };

export class StreamManagement {
  readonly #facts: SessionRecord;
  readonly #resumptions: Resumptions;
  #toGatekeeper: AckWindow | undefined;
  #toClient: AckWindow | undefined;
  /** The stream as another connection may resume it, once it can be resumed. */
  #resumable: { readonly id: string; readonly stream: ManagedStream } | undefined;
  /** A resumption that the client has requested and the gatekeeper has not answered. */
  #asked: { readonly id: string; readonly stream: ManagedStream } | undefined;
  /** The result of the last look for a stream in all processes. */
  #found: { readonly id: string; readonly stream: ManagedStream | undefined } | undefined;
  /** Whether the client has requested stream management and the gatekeeper has not answered. */
  #enabling = false;
  /** Stanzas sent to the client before `<enabled/>`, where its count begins (XEP-0198 §4). That of @xmpp/client begins
   *  with the stream, and again at 0 after the chunk with `<enabled/>`: an acknowledgement in that chunk includes these
   *  stanzas, later ones do not. */
  #sentUncounted = 0;
  /** A resumption inside an authentication was refused here. Its failure is written into the success. */
  #owedFailure: string | undefined;

  constructor(facts: SessionRecord, resumptions: Resumptions) {
    this.#facts = facts;
    this.#resumptions = resumptions;
  }

  /** Returns the counts of one direction; undefined while stream management is not enabled. */
  window(direction: Direction): AckWindow | undefined {
    return direction === 'to-gatekeeper' ? this.#toGatekeeper : this.#toClient;
  }

  /** Counts a stanza of the sender that is sent at once. */
  pass(direction: Direction): void {
    const window = this.window(direction);
    if (window === undefined) this.#noteUncounted(direction);
    else window.pass();
  }

  /** Counts a stanza that the receiver gets and the sender has not counted. */
  inject(direction: Direction): void {
    const window = this.window(direction);
    if (window === undefined) this.#noteUncounted(direction);
    else window.inject();
  }

  #noteUncounted(direction: Direction): void {
    if (direction === 'to-client') this.#sentUncounted += 1;
  }

  /** Looks for the stream that a nonza of the client asks to resume, where another process may have it.
   *  @returns a promise that `judge` must wait for; undefined when there is nothing to look for */
  lookUp(stanza: Stanza): Promise<void> | undefined {
    const id = this.#resumptions.shared ? previousId(stanza) : undefined;
    if (id === undefined || (this.#toGatekeeper !== undefined && stanza.is(0, ns.sm, 'resume')))
      return undefined;
    const looking = this.#resumptions.lookUp(this.#facts.gatekeeper, id);
    return looking && this.#find(id, looking);
  }

  async #find(id: string, looking: Promise<ManagedStream | undefined>): Promise<void> {
    this.#found = { id, stream: await looking };
  }

  /** Translates a nonza, alone or inside a SASL 2 element (XEP-0388 §2.6, XEP-0386 §4).
   *  @throws StreamError ERR_SM_COUNT */
  judge(stanza: Stanza, direction: Direction): Disposition {
    // Requests inside an earlier attempt have failed with it.
    if (stanza.is(0, ns.sasl2, 'authenticate')) this.forgetRequests();
    const sm = stanza.names.namespace(ns.sm);
    const edits: Edit[] = [];
    for (const at of stanza.elements()) {
      if (stanza.namespaceOf(at) !== sm) continue;
      const verdict =
        direction === 'to-gatekeeper'
          ? this.#judgeClient(stanza, at, edits)
          : this.#judgeGatekeeper(stanza, at, edits);
      if (verdict !== undefined) return verdict;
    }
    if (this.#owedFailure !== undefined && direction === 'to-client' && stanza.is(0, ns.sasl2, 'success')) {
      edits.push(appendContent(stanza, 0, this.#owedFailure));
      this.#owedFailure = undefined;
    }
    return edits.length === 0 ? forward : { kind: 'forward', edits };
  }

  #judgeClient(stanza: Stanza, at: number, edits: Edit[]): Disposition | undefined {
    switch (stanza.localName(at)) {
      case 'enable':
        return this.#askToEnable(at);
      case 'a':
        this.#translate(stanza, at, this.#toClient, edits);
        return undefined;
      case 'r':
        this.#toGatekeeper?.ask();
        return undefined;
      case 'resume':
        return this.#askToResume(stanza, at, edits);
      default:
        return undefined;
    }
  }

  /** Forgets requests that the gatekeeper has not answered. */
  forgetRequests(): void {
    this.#asked = undefined;
    this.#enabling = false;
    this.#owedFailure = undefined;
  }

  /** Starts the counts for a request to enable. Inline, they begin with the success; alone, after this element. A
   *  second request is not counted: the gatekeeper must refuse it, and the counts would be lost (XEP-0198 §3). */
  #askToEnable(at: number): Disposition | undefined {
    if (at === 0) {
      if (this.#toGatekeeper !== undefined) return unexpected;
      this.#toGatekeeper = new AckWindow();
    }
    this.#enabling = true;
    return undefined;
  }

  #askToResume(stanza: Stanza, at: number, edits: Edit[]): Disposition | undefined {
    // One request at a time: answers do not say which request they answer.
    if (at === 0 && (this.#asked !== undefined || this.#toGatekeeper !== undefined)) return unexpected;
    const id = stanza.attributeValue(at, 'previd') ?? '';
    const stream =
      this.#found?.id === id ? this.#found.stream : this.#resumptions.find(this.#facts.gatekeeper, id);
    if (stream !== undefined && this.#isWithin(stream, stanza, at)) {
      this.#asked = { id, stream };
      // On a copy: until the gatekeeper agrees, the stream belongs to another session.
      this.#translate(stanza, at, stream.toClient.copy(), edits);
      return undefined;
    }
    // What was acknowledged before is handled, whatever has happened since (XEP-0198 §5).
    const isOwn = stream !== undefined && stream.account === this.#facts.account;
    const failed = failure('item-not-found', isOwn ? stream.toGatekeeper.handled : undefined);
    if (at === 0) return { kind: 'drop', reply: Buffer.from(failed) };
    this.#owedFailure = failed;
    edits.push(removeElement(stanza, at));
    return undefined;
  }

  /** Returns whether the counters of another process reach as far as the client's count. Where they do not, they are older
   *  than the connection that they are of, and the stream cannot be resumed. */
  #isWithin({ restored, toClient }: ManagedStream, stanza: Stanza, at: number): boolean {
    if (restored !== true) return true;
    try {
      this.#translate(stanza, at, toClient.copy(), []);
      return true;
    } catch (error) {
      if (error instanceof StreamError && error.condition === 'undefined-condition') return false;
      throw error;
    }
  }

  #judgeGatekeeper(stanza: Stanza, at: number, edits: Edit[]): Disposition | undefined {
    switch (stanza.localName(at)) {
      case 'enabled':
        this.#enabled(stanza, at);
        return undefined;
      case 'a':
        this.#translate(stanza, at, this.#toGatekeeper, edits);
        return undefined;
      case 'resumed':
        this.#resumed(stanza, at, edits);
        return undefined;
      case 'failed':
        this.#failed(stanza, at, edits);
        return undefined;
      default:
        return undefined;
    }
  }

  #enabled(stanza: Stanza, at: number): void {
    if (!this.#enabling) throw unasked();
    this.#enabling = false;
    this.#toGatekeeper ??= new AckWindow();
    this.#toClient = new AckWindow({ surplusMax: this.#sentUncounted, mayRestart: true });
    const id = stanza.attributeValue(at, 'id');
    const resumable = /^(?:true|1)$/.test(stanza.attributeValue(at, 'resume') ?? '');
    if (id === undefined || !resumable) return;
    const { session, startedAt, account, resource, alias } = this.#facts;
    const { toGatekeeper, toClient } = { toGatekeeper: this.#toGatekeeper, toClient: this.#toClient };
    this.#remember(id, {
      id: session,
      startedAt,
      account,
      resource,
      alias,
      toGatekeeper,
      toClient,
    });
  }

  #remember(id: string, stream: ManagedStream): void {
    this.#resumable = { id, stream };
    this.#resumptions.remember(this.#facts.gatekeeper, id, stream);
  }

  /** Whether the gatekeeper has promised to keep the stream for a resumption. */
  get resumable(): boolean {
    return this.#resumable !== undefined;
  }

  /** Forgets the stream when the client has closed it: then it cannot be resumed (XEP-0198 §5), and nothing of it needs to be
   *  kept. */
  forget(): void {
    if (this.#resumable === undefined) return;
    this.#resumptions.forget(this.#facts.gatekeeper, this.#resumable.id);
    this.#resumable = undefined;
  }

  /** Releases the stream when its connection has ended.
   *  @returns whether another connection may resume it */
  async end(): Promise<boolean> {
    if (this.#resumable === undefined) return false;
    const { id, stream } = this.#resumable;
    return await this.#resumptions.release(this.#facts.gatekeeper, id, stream);
  }

  #resumed(stanza: Stanza, at: number, edits: Edit[]): void {
    const asked = this.#asked;
    // A resumption of another stream than the requested one would join another session's stream.
    if (asked === undefined || stanza.attributeValue(at, 'previd') !== asked.id) throw unasked();
    this.forgetRequests();
    // Copies: the replaced connection may still count.
    const toGatekeeper = asked.stream.toGatekeeper.copy();
    const toClient = asked.stream.toClient.copy();
    try {
      this.#translate(stanza, at, toGatekeeper, edits);
    } catch (error) {
      // Counters of another process may be too old. Then the client must begin a new stream, and not ask for this again.
      if (asked.stream.restored === true) this.#resumptions.forget(this.#facts.gatekeeper, asked.id);
      throw error;
    }
    toGatekeeper.rewind();
    toClient.acknowledge(this.#resumeCount);
    toClient.rewind();
    this.#toGatekeeper = toGatekeeper;
    this.#toClient = toClient;
    this.#facts.resumed(asked.stream);
    asked.stream.superseded = true;
    const { id, startedAt, account, resource, alias } = asked.stream;
    const generation = generationOf(asked.stream) + 1;
    this.#remember(asked.id, {
      id,
      startedAt,
      account,
      resource,
      alias,
      generation,
      toGatekeeper,
      toClient,
    });
  }

  /** Handles a failure to enable or resume. A failed resumption says how many stanzas of the old stream were
   *  handled. */
  #failed(stanza: Stanza, at: number, edits: Edit[]): void {
    const asked = this.#asked;
    const parent = stanza.parentOf(at);
    if (asked === undefined || (parent !== -1 && stanza.is(parent, ns.bind2, 'bound'))) {
      if (this.#enabling) this.#toGatekeeper = undefined;
      this.#enabling = false;
      return;
    }
    this.#asked = undefined;
    this.#translate(stanza, at, asked.stream.toGatekeeper.copy(), edits);
    // A client that has the identifier of another account's stream cannot make the proxy forget that stream.
    if (asked.stream.account === this.#facts.account)
      this.#resumptions.forget(this.#facts.gatekeeper, asked.id);
  }

  /** The `h` of `<resume/>`, applied when the gatekeeper agrees. */
  #resumeCount = 0;

  #translate(stanza: Stanza, at: number, window: AckWindow | undefined, edits: Edit[]): void {
    const found = stanza.attribute(at, stanza.names.local('h'));
    if (found === -1 || window === undefined) return;
    const value = stanza.value(found);
    if (!/^[0-9]{1,10}$/.test(value) || Number(value) >= 2 ** 32)
      throw new StreamError('bad-format', { code: 'ERR_SM_COUNT' });
    const count = Number(value);
    if (stanza.localName(at) === 'resume') this.#resumeCount = count;
    const translated = String(window.acknowledge(count));
    if (translated === value) return;
    edits.push(replaceAttribute(stanza, found, translated));
  }
}

/** Returns the identifier of the stream that a nonza asks to resume; undefined where it does not. */
function previousId(stanza: Stanza): string | undefined {
  const sm = stanza.names.namespace(ns.sm);
  for (const at of stanza.elements())
    if (stanza.namespaceOf(at) === sm && stanza.localName(at) === 'resume')
      return stanza.attributeValue(at, 'previd') ?? '';
  return undefined;
}

/** @param handled stanzas of the old stream, where that is known */
function failure(condition: 'item-not-found' | 'unexpected-request', handled?: number): string {
  const count = handled === undefined ? '' : ` h='${handled}'`;
  return `<failed xmlns='${ns.sm}'${count}><${condition} xmlns='${ns.stanzaErrors}'/></failed>`;
}

function unasked(): StreamError {
  return new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' });
}
