/** What a script says by name: `${Romeo's full JID}` in stanzas, and `{scansion:capture:NAME}` in those expected. */
import type { ScriptClient } from './script.ts';

/** Values by name. Grows while a script runs. */
export class Variables {
  readonly #values = new Map<string, string>();

  /** Begins with `NAME's JID` of each client: the address without the resource. */
  constructor(clients: readonly ScriptClient[]) {
    for (const { name, local, domain } of clients) this.#values.set(`${name}'s JID`, `${local}@${domain}`);
  }

  /** Defines `NAME's full JID`, which the server decides. */
  connected(client: string, fullJid: string): void {
    this.#values.set(`${client}'s full JID`, fullJid);
  }

  capture(name: string, value: string): void {
    this.#values.set(name, value);
  }

  /** Returns XML with each `${NAME}` replaced by its value, escaped.
   *  @throws Error where a name has no value yet */
  fill(xml: string): string {
    return xml.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
      const value = this.#values.get(name);
      if (value === undefined) throw new Error(`\${${name}} has no value yet`);
      return escape(value);
    });
  }
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&apos;')
    .replaceAll('"', '&quot;');
}
