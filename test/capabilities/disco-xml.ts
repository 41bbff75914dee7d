import { elementFromXml } from '../../src/capabilities/element.ts';
import {
  type DiscoReading,
  type DiscoReadOptions,
  readDiscoInfo,
} from '../../src/capabilities/disco-info.ts';

/** Reads the disco#info query of an XML text: the root itself, or its first child. */
export function readXml(xml: string, options?: DiscoReadOptions): DiscoReading {
  const reading = elementFromXml(xml);
  if (reading.kind !== 'element') throw new Error(reading.code);
  const { element } = reading;
  const query =
    element.name === 'query' ? element : element.children.find((child) => typeof child !== 'string');
  if (query === undefined || typeof query === 'string') throw new Error('no query');
  return readDiscoInfo(query, options);
}

/** The information, for inputs that must be well formed. */
export function infoOf(xml: string, options?: DiscoReadOptions) {
  const reading = readXml(xml, options);
  if (reading.kind !== 'info') throw new Error(reading.code);
  return reading.info;
}

/** XEP-0115 §5.2. */
export const exodus = `<query xmlns='http://jabber.org/protocol/disco#info'>
  <identity category='client' type='pc' name='Exodus 0.9.1'/>
  <feature var='http://jabber.org/protocol/muc'/>
  <feature var='http://jabber.org/protocol/disco#info'/>
  <feature var='http://jabber.org/protocol/caps'/>
  <feature var='http://jabber.org/protocol/disco#items'/>
</query>`;

/** XEP-0115 §5.3. */
export const psi = `<iq from='benvolio@capulet.lit/230193' id='disco1' to='juliet@capulet.lit/chamber' type='result'>
  <query xmlns='http://jabber.org/protocol/disco#info' node='http://psi-im.org#q07IKJEyjvHSyhy//CH0CxmKi8w='>
    <identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
    <identity xml:lang='el' category='client' name='&#936; 0.11' type='pc'/>
    <feature var='http://jabber.org/protocol/caps'/>
    <feature var='http://jabber.org/protocol/disco#info'/>
    <feature var='http://jabber.org/protocol/disco#items'/>
    <feature var='http://jabber.org/protocol/muc'/>
    <x xmlns='jabber:x:data' type='result'>
      <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
      <field var='ip_version' type='text-multi'><value>ipv4</value><value>ipv6</value></field>
      <field var='os'><value>Mac</value></field>
      <field var='os_version'><value>10.5.1</value></field>
      <field var='software'><value>Psi</value></field>
      <field var='software_version'><value>0.11</value></field>
    </x>
  </query>
</iq>`;

/** XEP-0390 §4.5.1. */
export const bombus = `<query xmlns="http://jabber.org/protocol/disco#info">
  <identity category="client" name="BombusMod" type="mobile"/>
  <feature var="http://jabber.org/protocol/si"/>
  <feature var="http://jabber.org/protocol/bytestreams"/>
  <feature var="http://jabber.org/protocol/chatstates"/>
  <feature var="http://jabber.org/protocol/disco#info"/>
  <feature var="http://jabber.org/protocol/disco#items"/>
  <feature var="urn:xmpp:ping"/>
  <feature var="jabber:iq:time"/>
  <feature var="jabber:iq:privacy"/>
  <feature var="jabber:iq:version"/>
  <feature var="http://jabber.org/protocol/rosterx"/>
  <feature var="urn:xmpp:time"/>
  <feature var="jabber:x:oob"/>
  <feature var="http://jabber.org/protocol/ibb"/>
  <feature var="http://jabber.org/protocol/si/profile/file-transfer"/>
  <feature var="urn:xmpp:receipts"/>
  <feature var="jabber:iq:roster"/>
  <feature var="jabber:iq:last"/>
</query>`;

/** XEP-0390 §4.5.2. */
export const tkabber = `<query xmlns="http://jabber.org/protocol/disco#info">
  <identity category="client" name="Tkabber" type="pc" xml:lang="en"/>
  <identity category="client" name="Ткаббер" type="pc" xml:lang="ru"/>
  ${[
    'games:board',
    'http://jabber.org/protocol/activity',
    'http://jabber.org/protocol/activity+notify',
    'http://jabber.org/protocol/bytestreams',
    'http://jabber.org/protocol/chatstates',
    'http://jabber.org/protocol/commands',
    'http://jabber.org/protocol/disco#info',
    'http://jabber.org/protocol/disco#items',
    'http://jabber.org/protocol/evil',
    'http://jabber.org/protocol/feature-neg',
    'http://jabber.org/protocol/geoloc',
    'http://jabber.org/protocol/geoloc+notify',
    'http://jabber.org/protocol/ibb',
    'http://jabber.org/protocol/iqibb',
    'http://jabber.org/protocol/mood',
    'http://jabber.org/protocol/mood+notify',
    'http://jabber.org/protocol/rosterx',
    'http://jabber.org/protocol/si',
    'http://jabber.org/protocol/si/profile/file-transfer',
    'http://jabber.org/protocol/tune',
    'http://www.facebook.com/xmpp/messages',
    'http://www.xmpp.org/extensions/xep-0084.html#ns-metadata+notify',
    'jabber:iq:avatar',
    'jabber:iq:browse',
    'jabber:iq:dtcp',
    'jabber:iq:filexfer',
    'jabber:iq:ibb',
    'jabber:iq:inband',
    'jabber:iq:jidlink',
    'jabber:iq:last',
    'jabber:iq:oob',
    'jabber:iq:privacy',
    'jabber:iq:roster',
    'jabber:iq:time',
    'jabber:iq:version',
    'jabber:x:data',
    'jabber:x:event',
    'jabber:x:oob',
    'urn:xmpp:avatar:metadata+notify',
    'urn:xmpp:ping',
    'urn:xmpp:receipts',
    'urn:xmpp:time',
  ]
    .map((name) => `<feature var="${name}"/>`)
    .join('')}
  <x xmlns="jabber:x:data" type="result">
    <field type="hidden" var="FORM_TYPE"><value>urn:xmpp:dataforms:softwareinfo</value></field>
    <field var="software"><value>Tkabber</value></field>
    <field var="software_version"><value>0.11.1-svn-20111216-mod (Tcl/Tk 8.6b2)</value></field>
    <field var="os"><value>Windows</value></field>
    <field var="os_version"><value>XP</value></field>
  </x>
</query>`;
