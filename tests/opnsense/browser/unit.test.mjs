// SPDX-License-Identifier: BSD-2-Clause
// What the pages make of facts, without a browser. Run by `node --test`.
import assert from 'node:assert/strict';
import test from 'node:test';

import { load, read, widgets } from './plugin.mjs';

const carpd = load(['base', 'facts', 'failovers', 'timeline', 'settings'], { document: {}, window: {} });
const { facts } = carpd;
/** Objects of the scripts' own world, compared by what is in them. */
const same = (found, wanted) => assert.deepEqual(JSON.parse(JSON.stringify(found)), wanted);

const vhid = (more) => ({ vhid: 1, interface: 'vtnet0', state: 'BACKUP', addresses: ['192.0.2.1/24'], protocol: 'carp', advbase: 1, advskew: 100, effective_advskew: 100, interval: null, ...more });

test('the escaping of core is undone exactly once', () => {
    same(carpd.parse('{"a":"BACKUP -&gt; MASTER","b":"&amp;lt;b&amp;gt;","c":"&quot;"}'), { a: 'BACKUP -> MASTER', b: '&lt;b&gt;', c: '&quot;' });
    assert.equal(carpd.parse('<html>log in</html>'), null);
});

test('a text without a value keeps its placeholder, and an unknown text is an error', () => {
    assert.equal(carpd.text('unit_s', { n: 3 }), '3 s');
    assert.equal(carpd.text('unit_s'), '{n} s');
    assert.throws(() => carpd.text('no_such_text'), /no_such_text/);
});

test('durations have their two largest units', () => {
    const said = [0, 0.4, 59, 60, 61, 3600, 3661, 7200 + 59, 86400, 90061, -5].map(carpd.duration);
    same(said, ['0 s', '0 s', '59 s', '1 min', '1 min 1 s', '1 h', '1 h 1 min', '2 h', '1 d', '1 d 1 h', '0 s']);
});

test('the skew on the wire is explained by what it is made of', () => {
    assert.equal(facts.skew(vhid({}), 0).why, 'as configured');
    assert.equal(facts.skew(vhid({ effective_advskew: 116 }), 16).why, '100 configured + 16 demotion');
    assert.equal(facts.skew(vhid({ effective_advskew: 240 }), 480).why, '100 configured + 480 demotion = 580, never more than 240');
    assert.equal(facts.skew(vhid({ effective_advskew: 0 }), -240).why, '100 configured + -240 demotion = -140, never less than 0');
});

test('a skew that does not fit the demotion is not explained away', () => {
    assert.equal(facts.skew(vhid({ effective_advskew: 100 }), 240).why, '100 configured, 240 demotion: just changing');
    assert.equal(facts.skew(vhid({}), null).why, '100 configured, demotion not known');
});

test('nothing is said of the skew of a vhid that the kernel does not have, and VRRP knows no demotion', () => {
    same(facts.skew(vhid({ state: 'absent', effective_advskew: null }), 240), { effective: '–', why: '' });
    same(facts.skew(vhid({ protocol: 'vrrp', priority: 200 }), 240), { effective: 'priority 200', why: 'VRRP: demotion has no effect on it' });
});

test('the interval is advbase and a 256th of a second for each step of the skew', () => {
    assert.equal(facts.interval(vhid({ effective_advskew: 240 })), 1.9375);
    assert.equal(facts.interval(vhid({ effective_advskew: null })), null);
    assert.equal(facts.interval(vhid({ protocol: 'vrrp', interval: 50 })), 0.5);
});

test('the shares of the demotion always add up', () => {
    const parts = [{ name: 'maintenance', value: 240, source: 'carpd', detail: '' }];
    const { shares } = facts.demotion({ total: 480, reasons: parts });
    assert.equal(shares.reduce((sum, share) => sum + share.value, 0), 480);
    same(shares[1], { name: '', source: 'unattributed', detail: '', value: 240 });
    assert.equal(facts.demotion({ total: 240, reasons: parts }).shares.length, 1);
    assert.equal(facts.demotion({ total: null, reasons: [] }).total, null);
});

test('only what is provably stale is offered for correction', () => {
    const settled = { ledger: 'settled' };
    same(facts.corrections(settled, { demotion: 'in_place' }), []);
    same(facts.corrections(settled, { demotion: 'unknown' }), []);
    same(facts.corrections(settled, null), []);
    same(facts.corrections(settled, { demotion: 'stale' }), [{ kind: 'repair', state: 'stale' }]);
    same(facts.corrections({ ledger: 'uncertain' }, { demotion: 'missing' }), [{ kind: 'repair', state: 'missing' }, { kind: 'assume' }]);
});

test('a vhid is found on the peer by an address in common, whatever the devices are called', () => {
    const peer = { vhids: [vhid({ interface: 'igc0', addresses: ['198.51.100.1/24'] }), vhid({ interface: 'igc1' })] };
    assert.equal(facts.sameOn(peer, vhid({})).interface, 'igc1');
    assert.equal(facts.sameOn(peer, vhid({ addresses: ['203.0.113.1/24'] })), null);
    assert.equal(facts.sameOn(peer, vhid({ vhid: 9 })), null);
});

test('two MASTERs, or none, are told', () => {
    const mine = [vhid({ state: 'MASTER' }), vhid({ vhid: 2, addresses: ['192.0.2.2/24'] }), vhid({ vhid: 3, addresses: ['192.0.2.3/24'], state: 'MASTER' })];
    const peer = { vhids: [vhid({ state: 'MASTER' }), vhid({ vhid: 2, addresses: ['192.0.2.2/24'] }), vhid({ vhid: 3, addresses: ['192.0.2.3/24'] })] };
    same(facts.disagreements(mine, peer).map(({ vhid: { vhid: number }, kind }) => [number, kind]), [[1, 'both'], [2, 'neither']]);
});

test('the filter looks at numbers, names, addresses, states and descriptions', () => {
    const opnsense = { interfaces: { vtnet0: { key: 'wan', descr: 'WAN' } }, vips: { '1@vtnet0': { descr: 'VPN endpoint' } } };
    for (const typed of ['', '1@vtnet0', 'wan', 'VPN', '192.0.2', 'backup wan']) {
        assert.ok(facts.matches(vhid({}), opnsense, typed), typed);
    }
    assert.ok(!facts.matches(vhid({}), opnsense, 'wan master'));
});

test('states are counted in one order', () => {
    assert.equal(facts.count([vhid({ state: 'INIT' }), vhid({}), vhid({ state: 'MASTER' }), vhid({})]), '1 MASTER, 2 BACKUP, 1 INIT');
});

const at = (seconds) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
const moved = (seconds, object, text) => ({ time: at(seconds), topic: 'vhid', object, text });
const served = (seconds, object, text) => ({ time: at(seconds), topic: 'service', object, text });

const HISTORY = [
    moved(0, '1@vtnet0', 'is BACKUP'),
    moved(0, '3@vtnet1', 'is BACKUP'),
    moved(3, '1@vtnet0', 'BACKUP -> MASTER'),
    moved(3.02, '3@vtnet1', 'BACKUP -> MASTER'),
    served(4, 'gateway', 'start ok after 0.900 s'),
    moved(500, '1@vtnet0', 'MASTER -> BACKUP after 497.0 s'),
    moved(500, '3@vtnet1', 'MASTER -> INIT after 497.0 s'),
    served(500.5, 'gateway', 'stop failed after 0.400 s: exit 1'),
    moved(503, '3@vtnet1', 'INIT -> BACKUP after 3.0 s'),
    moved(507, '1@vtnet0', 'BACKUP -> MASTER after 7.0 s'),
    moved(510, '3@vtnet1', 'BACKUP -> MASTER after 3.0 s'),
    moved(900, '3@vtnet1', 'INIT -> BACKUP'),
];

test('a failover is a run of changes with a MASTER in it, with the services that followed', () => {
    const found = carpd.failovers(HISTORY);
    assert.equal(found.length, 2);
    const [second, first] = found;
    same([first.gained, first.lost, first.bounced, first.failed, first.services.length], [2, 0, false, false, 1]);
    assert.equal(first.end - first.from, 1000);
    same([second.gained, second.lost, second.bounced, second.failed, second.to - second.from], [0, 0, true, true, 10000]);
});

test('vhids that moved together share a lane, and a lane covers its whole time', () => {
    const changes = carpd.changes(HISTORY.slice(0, 4));
    const from = Date.parse(at(0));
    const lanes = carpd.lanes(changes, from, from + 10000);
    same(lanes.map((lane) => lane.objects), [['1@vtnet0', '3@vtnet1']]);
    same(lanes[0].bars.map((bar) => [bar.from - from, bar.to - from, bar.state]), [[0, 3000, 'BACKUP'], [3000, 10000, 'MASTER']]);
});

test('the restart of carpd leaves a gap and invents no state for it', () => {
    const from = Date.parse(at(0));
    const changes = carpd.changes([moved(0, '1@vtnet0', 'is MASTER'), moved(50, '1@vtnet0', 'is BACKUP')]);
    same(carpd.lanes(changes, from, from + 60000)[0].bars.map((bar) => [bar.from - from, bar.state]), [[50000, 'BACKUP']]);
});

test('a service that failed is nothing until its next action', () => {
    const [, failover] = [...carpd.failovers(HISTORY)].reverse();
    const [lane] = carpd.serviceLanes(failover.services, failover.from - 1000, failover.end + 1000);
    same(lane.bars.map((bar) => bar.state), ['running', 'failed']);
});

test('maintenance that has not ended lasts until now, and one that began before the history is shown from its beginning', () => {
    const told = (seconds, text) => ({ time: at(seconds), topic: 'maintenance', object: '', text });
    const begin = Date.parse(at(0));
    const spans = carpd.maintenanceSpans([told(10, 'left by root'), told(20, 'entered by root: x'), told(25, 'changed by root: y')], begin + 60000);
    same(spans.map((span) => [span.from - begin, span.to - begin]), [[10000, 10000], [20000, 60000]]);
});

test('the axis has round marks and never more than asked for', () => {
    same(carpd.marks(-1000, 10500, 6, 0), [0, 2000, 4000, 6000, 8000, 10000]);
    assert.ok(carpd.marks(0, 86400000 * 400, 8, 0).length <= 8 + 6);
    same(carpd.marks(0, 0, 4, 0), [0]);
});

test('a finding that two documents have is shown in the one that it is in', () => {
    const finding = { code: 'C', severity: 'note', cause: 'x', place: { file: 'config.xml', line: 3 } };
    const found = facts.documents([{ file: 'carpd.toml', findings: [finding] }, { file: 'config.xml', findings: [{ ...finding }] }]);
    same(found.map((document) => document.findings.length), [0, 1]);
    same(facts.documents([{ file: 'carpd.toml', findings: [finding] }, { file: 'other', findings: [finding] }]).map((document) => document.findings.length), [1, 0]);
});

test('findings come the worst first', () => {
    const documents = [{ file: 'a', findings: [{ severity: 'note', code: 'N' }] }, { file: 'b', findings: [{ severity: 'error', code: 'E' }, { severity: 'warning', code: 'W' }] }];
    same(facts.findings(documents).map(({ code, file }) => code + file), ['Eb', 'Wb', 'Na']);
});

test('a field is shown where every choice that it depends on is made', () => {
    const rule = carpd.fieldRules.service.rc_script;
    assert.ok(carpd.isShown(rule, () => 'rc'));
    assert.ok(!carpd.isShown(rule, () => 'configd'));
    assert.ok(!carpd.isShown(rule, () => undefined));
});

test('the widget undoes the escaping of answers, once', async () => {
    globalThis.BaseTableWidget = class {};
    const { default: Widget } = await import(`data:text/javascript,${encodeURIComponent(read(widgets, 'Carpd.js'))}`);
    same(new Widget().plain({ text: 'BACKUP -&gt; MASTER &amp;lt;' }), { text: 'BACKUP -> MASTER &lt;' });
});
