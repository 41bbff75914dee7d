/** The end of a login with `reauthenticate` for a client of SASL 2 (XEP-0388) before a gatekeeper of SASL 1: the new
 *  stream, resource binding and stream management, which the client has requested inside its authentication (XEP-0386,
 *  XEP-0198 §8), are done with the gatekeeper in the client's place. Each step passes the stages as if the client had
 *  made it, so policies, capabilities and counts are those of a client of SASL 1. What the client is to receive
 *  meanwhile is read here, and becomes its success.
 *
 *    client ── authenticate ──▶ proxy ── auth · new stream · resume, or bind and enable ──▶ gatekeeper
 *    client ◀── success with resumed, or bound · features ── proxy ◀── their answers ── gatekeeper */
import { randomUUID } from 'node:crypto';
import { escapeAttribute } from '../../stanza/decode.ts';
import { removeElement } from '../../stanza/edits.ts';
import { StreamError } from '../../stanza/error.ts';
import { ns } from '../../stanza/namespaces.ts';
import type { Stanza } from '../../stanza/stanza.ts';
import { Scanner } from '../../stream/scanner.ts';
import { writeHeader } from '../../stream/write.ts';
import { boundAddress } from '../authentication/account.ts';
import { liftLimits, type Diversion, type XmppConnected } from './connected.ts';
import { establish } from './established.ts';

/** Begins the new stream with the gatekeeper, after its success. The client is held until it has its own.
 *  @param request `<authenticate/>`, retained */
export function logInInline(connected: XmppConnected, request: Stanza): void {
  const { client, gatekeeper, limits } = connected;
  client.hold();
  gatekeeper.limits = limits.stream;
  connected.enter('restarting');
  gatekeeper.restart();
  connected.divert(new InlineLogin(connected, requestsIn(request)));
  connected.repeatHeader();
  gatekeeper.receive({
    header: () => establish(connected),
    stanza: () => {
      throw unexpected();
    },
    whitespace: () => {},
    end: () => connected.closedBy('gatekeeper'),
  });
}

/** What the client has requested inside its authentication. */
interface InlineRequests {
  /** The stream to resume, and the stanzas of it that the client has handled. */
  readonly resume: { readonly id: string; readonly handled: string } | undefined;
  readonly binds: boolean;
  /** Stream management of the bound resource: whether it is enabled, and can be resumed. */
  readonly enable: 'no' | 'yes' | 'resumable';
}

/** Returns the requests inside a login. The tag of the resource is not read: the gatekeeper chooses the resource, as SASL 1
 *  has it. */
function requestsIn(request: Stanza): InlineRequests {
  const resume = childOf(request, 0, ns.sm, 'resume');
  const bind = childOf(request, 0, ns.bind2, 'bind');
  const enable = bind === -1 ? -1 : childOf(request, bind, ns.sm, 'enable');
  const resumable = enable !== -1 && /^(?:true|1)$/.test(request.attributeValue(enable, 'resume') ?? '');
  return {
    resume:
      resume === -1
        ? undefined
        : {
            id: request.attributeValue(resume, 'previd') ?? '',
            handled: request.attributeValue(resume, 'h') ?? '',
          },
    binds: bind !== -1,
    enable: enable === -1 ? 'no' : resumable ? 'resumable' : 'yes',
  };
}

/** Receives what the relay sends to the client, and makes the client's requests until they are answered. */
class InlineLogin implements Diversion {
  readonly #connected: XmppConnected;
  readonly #requests: InlineRequests;
  // Made when they are first used, which is not inside a sink call.
  #client: Scanner | undefined;
  #gatekeeper: Scanner | undefined;
  readonly #bindId = randomUUID();
  #element: (stanza: Stanza) => void = () => {};
  /** What was written and not read yet. */
  #written: Uint8Array[] = [];
  #scheduled = false;
  #awaits: 'features' | 'resumed' | 'bound' | 'enabled' | 'nothing' = 'features';
  /** Of the gatekeeper's new stream. */
  #features!: Stanza;
  /** Answers that go into the success. */
  #resumption: Uint8Array | undefined;
  #enabling: Uint8Array | undefined;
  #jid: string | undefined;
  /** Other stanzas, for after the success. */
  readonly #later: Uint8Array[] = [];
  #laterBytes = 0;

  constructor(connected: XmppConnected, requests: InlineRequests) {
    this.#connected = connected;
    this.#requests = requests;
  }

  /** Returns a scanner in the middle of a stream with the proxy's header. It is not used inside a sink call of a leg, so
   *  it shares their workspace. */
  #stream(): Scanner {
    const { names, workspace } = this.#connected.machine.options;
    const { limits } = this.#connected;
    const sink = {
      header: () => {},
      stanza: (stanza: Stanza) => this.#element(stanza),
      whitespace: () => {},
      end: () => {},
    };
    const scanner = new Scanner({ names, workspace, limits: limits.stream, sink });
    scanner.push(writeHeader(new Map([['version', '1.0']])));
    return scanner;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#written.push(bytes.subarray(start, end));
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not inside the sink call that has written it.
    queueMicrotask(() => {
      this.#scheduled = false;
      const { machine } = this.#connected;
      if (!machine.ended) machine.perform(() => this.#readAll());
    });
  }

  abandon(): void {
    const error = this.#written.at(-1);
    if (error !== undefined) this.#connected.client.write(error);
  }

  #readAll(): void {
    for (let bytes = this.#written.shift(); bytes !== undefined; bytes = this.#written.shift()) {
      const read = bytes;
      let step: (() => void) | undefined;
      this.#element = (stanza) => {
        step = this.#awaited(stanza, read);
        if (step === undefined) this.#keep(read);
      };
      this.#gatekeeper ??= this.#stream();
      this.#gatekeeper.push(read);
      step?.();
    }
  }

  /** Reads the answer that is awaited.
   *  @returns the next step; undefined for another element
   *  @throws StreamError ERR_GATEKEEPER_NEGOTIATION when no resource was bound */
  #awaited(stanza: Stanza, bytes: Uint8Array): (() => void) | undefined {
    switch (this.#awaits) {
      case 'features':
        if (!stanza.is(0, ns.streams, 'features')) return undefined;
        this.#features = stanza.retain();
        return () => this.#resume();
      case 'resumed':
        if (stanza.namespaceName(0) !== ns.sm) return undefined;
        this.#resumption = bytes;
        return stanza.localName(0) === 'resumed' ? () => this.#succeed() : () => this.#bind();
      case 'bound':
        if (stanza.kind !== 'iq' || stanza.attributeValue(0, 'id') !== this.#bindId) return undefined;
        return this.#takeBinding(stanza);
      case 'enabled':
        if (stanza.namespaceName(0) !== ns.sm) return undefined;
        this.#enabling = bytes;
        return () => this.#succeed();
      default:
        return undefined;
    }
  }

  get #offersManagement(): boolean {
    return childOf(this.#features, 0, ns.sm, 'sm') !== -1;
  }

  #takeBinding(stanza: Stanza): () => void {
    const address = boundAddress(stanza);
    if (stanza.attributeValue(0, 'type') !== 'result' || address === undefined) throw unexpected();
    this.#jid = `${address.account}/${address.resource}`;
    return () => this.#enable();
  }

  // ---- the steps, in their order ------------------------------------------------------------------------------------

  #resume(): void {
    const { resume } = this.#requests;
    if (resume === undefined) this.#bind();
    else if (this.#offersManagement) {
      this.#awaits = 'resumed';
      const [id, handled] = [escapeAttribute(resume.id), escapeAttribute(resume.handled)];
      this.#say(`<resume xmlns='${ns.sm}' previd='${id}' h='${handled}'/>`);
    } else {
      this.#resumption = notOffered;
      this.#bind();
    }
  }

  #bind(): void {
    if (!this.#requests.binds) {
      this.#succeed();
      return;
    }
    this.#awaits = 'bound';
    this.#say(`<iq type='set' id='${this.#bindId}'><bind xmlns='${ns.bind}'/></iq>`);
  }

  #enable(): void {
    const { enable } = this.#requests;
    if (enable === 'no') this.#succeed();
    else if (this.#offersManagement) {
      this.#awaits = 'enabled';
      this.#say(`<enable xmlns='${ns.sm}'${enable === 'resumable' ? " resume='true'" : ''}/>`);
    } else {
      this.#enabling = notOffered;
      this.#succeed();
    }
  }

  /** Sends the client its success, the features after it, and what came meanwhile (XEP-0388 §2.6.1). */
  #succeed(): void {
    this.#awaits = 'nothing';
    const { client } = this.#connected;
    const { account, resource, shownResource } = this.#connected.facts;
    const isResumed = this.#jid === undefined && resource !== '';
    const jid = this.#jid ?? (isResumed ? `${account}/${shownResource ?? resource}` : account);
    liftLimits(this.#connected);
    this.#connected.divert(undefined);
    const inside = [this.#resumption ?? nothing, ...this.#boundParts()];
    client.write(
      Buffer.concat([
        Buffer.from(`<success xmlns='${ns.sasl2}'><authorization-identifier>${escapeAttribute(jid)}`),
        Buffer.from('</authorization-identifier>'),
        ...inside,
        Buffer.from('</success>'),
      ]),
    );
    client.write(this.#remainingFeatures(isResumed));
    for (const bytes of [...this.#later, ...this.#written.splice(0)]) client.write(bytes);
    client.release();
  }

  /** Writes the features without those that are negotiated already: clients would ask for them again. */
  #remainingFeatures(isResumed: boolean): Uint8Array {
    const done = new Set<string>();
    if (isResumed || this.#jid !== undefined) for (const each of [ns.bind, ns.session]) done.add(each);
    if (isResumed || this.#enabling !== undefined) done.add(ns.sm);
    const features = this.#features;
    const edits = [...features.children()]
      .filter((child) => done.has(features.namespaceName(child)))
      .map((child) => removeElement(features, child));
    return this.#connected.machine.options.rendering.write(features, edits, {});
  }

  #boundParts(): Uint8Array[] {
    if (this.#jid === undefined) return [];
    const [start, end] = [`<bound xmlns='${ns.bind2}'>`, '</bound>'].map((text) => Buffer.from(text));
    return [start!, this.#enabling ?? nothing, end!];
  }

  /** Makes a step in the client's place. */
  #say(xml: string): void {
    this.#element = (stanza) => void this.#connected.take(stanza, 'to-gatekeeper');
    this.#client ??= this.#stream();
    this.#client.push(Buffer.from(xml));
  }

  /** Keeps a stanza for after the success.
   *  @throws StreamError ERR_GATEKEEPER_NEGOTIATION beyond the size of one stanza */
  #keep(bytes: Uint8Array): void {
    this.#laterBytes += bytes.length;
    if (this.#laterBytes > this.#connected.limits.stream.stanzaBytesMax) throw unexpected();
    this.#later.push(bytes);
  }
}

const nothing = new Uint8Array(0);
const notOffered = Buffer.from(
  `<failed xmlns='${ns.sm}'><feature-not-implemented xmlns='${ns.stanzaErrors}'/></failed>`,
);

function childOf(stanza: Stanza, parent: number, namespace: string, local: string): number {
  return [...stanza.children(parent)].find((child) => stanza.is(child, namespace, local)) ?? -1;
}

function unexpected(): StreamError {
  return new StreamError('remote-connection-failed', { code: 'ERR_GATEKEEPER_NEGOTIATION' });
}
