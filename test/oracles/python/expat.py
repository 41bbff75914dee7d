"""Describes what Python's expat makes of streams, read as slixmpp reads them (xmlstream.py: XMLPullParser).

Standard input and output: documents and descriptions (test/oracles/description.ts), each after its length in four
bytes, big-endian. An answer that begins with an exclamation mark is the error that ended the document.
"""
import struct
import sys
import xml.etree.ElementTree as ET


def expanded(name):
    """Splits `{namespace}local`, as slixmpp does, at the first closing brace."""
    if name[0] != "{":
        return "", name
    namespace, local = name[1:].split("}", 1)
    return namespace, local


def describe(element, out):
    namespace, local = expanded(element.tag)
    out.append("\x01%s\x02%s" % (namespace, local))
    if element.attrib:
        written = ["\x03%s\x02%s\x02%s" % (*expanded(name), value) for name, value in element.attrib.items()]
        if len(written) > 1:
            written.sort()
        out.extend(written)
    if element.text:
        out.append("\x04" + element.text)
    for child in element:
        describe(child, out)
        if child.tail:
            out.append("\x04" + child.tail)
    out.append("\x05")


def read(document):
    parser = ET.XMLPullParser(("start", "end"))
    out = []
    depth = 0
    root = None
    try:
        parser.feed(document)
        parser.close()
        for event, element in parser.read_events():
            if event == "start":
                if depth == 0:
                    root = element
                depth += 1
                continue
            depth -= 1
            if depth == 1:
                describe(element, out)
                out.append("\n")
                root.clear()
    except ET.ParseError as error:
        return ("!" + str(error)).encode()
    return "".join(out).encode()


def main():
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.setrecursionlimit(10_000)
    while len(head := source.read(4)) == 4:
        answer = read(source.read(struct.unpack(">I", head)[0]))
        target.write(struct.pack(">I", len(answer)))
        target.write(answer)
        target.flush()


main()
