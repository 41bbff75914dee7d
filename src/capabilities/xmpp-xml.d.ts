/** The part of @xmpp/xml that is used; the package has no types. Its parser is left out: it is lenient, and must not
 *  read a peer's bytes. */
declare module '@xmpp/xml' {
  export class Element {
    constructor(name: string, attrs?: Readonly<Record<string, string>>);
    /** Qualified name as written. */
    name: string;
    parent: Element | null;
    children: (Element | string)[];
    attrs: Record<string, string | undefined>;
    /** Returns the local name. */
    getName(): string;
    /** Returns the namespace name, looked up through the parents. */
    getNS(): string | undefined;
    getText(): string;
    /** Appends a child, and returns it. */
    cnode(child: Element): Element;
    /** Appends text, and returns this element. */
    t(text: string): this;
  }
}
