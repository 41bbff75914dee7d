/** The part of @xmpp/xml that the product uses; the package ships no types. Its parser is left out on purpose:
 *  it is lenient, and must never read what a peer wrote. */
declare module '@xmpp/xml' {
  export class Element {
    constructor(name: string, attrs?: Readonly<Record<string, string>>);
    /** Qualified name as written. */
    name: string;
    parent: Element | null;
    children: (Element | string)[];
    attrs: Record<string, string | undefined>;
    /** Local name. */
    getName(): string;
    /** Namespace name, looked up through the parents. */
    getNS(): string | undefined;
    getText(): string;
    /** Appends a child and answers it. */
    cnode(child: Element): Element;
    /** Appends text and answers this element. */
    t(text: string): this;
  }
}
