// SPDX-License-Identifier: BSD-2-Clause
// The plugin's pages in Chromium, with a pair of nodes behind them. Run by `node --test`; see README.md.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { Browser } from './browser.mjs';
import { Lab, Server, parts } from './node.mjs';
import { here, translations } from './plugin.mjs';

const pictures = path.resolve(here, '../../../target');
/** Text that does something if it is ever taken for HTML, in a page or in an attribute. */
const HOSTILE = `"><img src=x onerror="globalThis.injected=1"><script>globalThis.injected=2</script>'&amp;`;

let lab;
let browser;
let page;
let server;
let dark;
/** Whether the lab has to be put back into its first state. */
let disturbed = false;

before(async () => {
    console.log(parts());
    mkdirSync(pictures, { recursive: true });
    lab = new Lab();
    await lab.master('fw1');
    browser = await Browser.launch(process.env.CARPD_BROWSER ?? 'chromium');
    page = await browser.page();
    server = new Server(lab, 'light');
    dark = new Server(lab, 'dark', 'opnsense-dark');
    await server.start();
    await dark.start();
});

after(async () => {
    await browser?.close();
    await server?.stop();
    await dark?.stop();
    await lab?.end();
});

beforeEach(async () => {
    if (disturbed) {
        await lab.lab('cable', 'plug', 'fw1', 'lan').catch(() => {});
        await lab.lab('daemon', 'start', 'fw1').catch(() => {});
        await fetch(server.url('/api/carpd/maintenance/leave'), { method: 'POST' });
        await lab.master('fw1');
        disturbed = false;
    }
    for (const name of ['status.json', 'history.json', 'answers']) {
        server.forget(name);
    }
});

/** Nothing went wrong in the page that nobody looked for, and nothing was loaded from elsewhere. */
function clean() {
    assert.deepEqual(page.errors, []);
    assert.deepEqual(page.requests.filter((url) => !url.startsWith(server.url('/')) && !url.startsWith('data:') && !url.startsWith(dark.url('/'))), []);
}

async function notInjected() {
    assert.equal(await page.run(() => globalThis.injected), undefined);
    assert.equal(await page.run(() => document.querySelectorAll('.carpd-page img, .carpd-page script, .modal-body img').length), 0);
}

const status = async () => JSON.parse(await lab.carpctl('--node', 'fw1', 'status', '--json'));

test('the status page shows both nodes, why the skew is what it is, and what the services do', async () => {
    await page.open(server.url('/ui/carpd/status'));
    await page.sees('MASTER of 2/2 vhids', '#carpd-verdict');
    await page.sees('fw2: BACKUP of 2/2 vhids', '#carpd-vhids');
    const row = await page.text('[data-vhid="1@vtnet0"]');
    for (const part of ['WAN', 'vtnet0', '172.18.0.100/24', 'MASTER', 'BACKUP', 'for ', 'as configured', 'an advert every 1.00 s']) {
        assert.ok(row.includes(part), `${part} in ${row}`);
    }
    await page.sees('Nothing demotes this node.', '#carpd-demotion');
    await page.sees('running', '#carpd-services');
    await page.sees('active where all of 1@vtnet0, 3@vtnet1 are MASTER', '#carpd-services');
    await page.sees('The configuration check finds nothing.', '#carpd-findings');
    await page.click('#carpd-services .carpd-ask');
    await page.sees('gateway should be active', '#carpd-services');
    clean();
});

test('a failover is followed without a reload, adds up, and becomes a picture', async () => {
    await page.open(server.url('/ui/carpd/status'));
    await page.sees('MASTER of 2/2 vhids', '#carpd-verdict');
    disturbed = true;
    await lab.lab('cable', 'pull', 'fw1', 'lan');
    await page.sees('vtnet1 has no carrier', '#carpd-verdict');
    await page.sees('0 configured + 240 demotion', '#carpd-vhids');
    await page.sees('interface down', '#carpd-demotion');
    const { total, sum } = await page.run(() => ({
        total: Number(document.querySelector('#carpd-demotion tfoot td').textContent),
        sum: [...document.querySelectorAll('#carpd-demotion tbody .carpd-number')].reduce((all, cell) => all + Number(cell.textContent), 0),
    }));
    assert.deepEqual([total, sum], [240, 240]);
    await page.open(server.url('/ui/carpd/status'));
    // Soon after the lab's first election, it is one failover together with that.
    await page.until(() => /gave up 2 VHIDs|moved and came back/.test(document.getElementById('carpd-failovers').innerText));
    await page.until(() => document.querySelector('#carpd-picture .carpd-bar'));
    const bars = await page.run(() => [...document.querySelectorAll('#carpd-picture .carpd-bar title')].map((title) => title.textContent.split(',')[0]));
    for (const state of ['MASTER', 'INIT', 'BACKUP', 'stopped']) {
        assert.ok(bars.includes(state), `${state} in ${bars}`);
    }
    await page.picture(path.join(pictures, 'opnsense-failover.png'));
    clean();
});

test('maintenance is entered after a preflight, with a reason that stays text, and left again', async () => {
    await page.open(server.url('/ui/carpd/status'));
    await page.click('#carpd-enter');
    await page.sees('take over', '#carpd-preflight');
    await page.type('[id="maintenance.reason"]', HOSTILE);
    await page.type('[id="maintenance.for"]', '2h');
    disturbed = true;
    await page.click('#btn_DialogMaintenance_save');
    await page.sees('This node is in maintenance.', '#carpd-maintenance');
    await page.sees(HOSTILE, '#carpd-maintenance');
    await page.sees('in 1 h 59 min', '#carpd-maintenance');
    await page.until(async () => document.querySelector('#carpd-demotion').innerText.includes('240'));
    assert.match(await lab.carpctl('lab', 'show'), /240/);
    await notInjected();
    await page.until(() => !document.querySelector('.modal.in'));
    await page.sees('root', '#carpd-maintenance');
    await page.click('#carpd-leave');
    await page.click('.bootstrap-dialog .btn-primary');
    await page.sees('This node is not in maintenance.', '#carpd-maintenance');
    await page.sees('Nothing demotes this node.', '#carpd-demotion');
    assert.equal((await status()).demotion.total, 0);
    await lab.master('fw1');
    clean();
});

test('until the first answer nothing is claimed', async () => {
    await page.open(server.url('/ui/carpd/status'));
    const said = await page.run(async () => {
        const seen = [];
        const look = () => ['carpd-verdict', 'carpd-maintenance'].forEach((id) => seen.push(document.getElementById(id).innerText));
        const watcher = new MutationObserver(look);
        watcher.observe(document.getElementById('carpd-status'), { childList: true, subtree: true });
        look();
        while (!document.getElementById('carpd-maintenance').innerText.includes('This node is not in maintenance.')) {
            await new Promise(requestAnimationFrame);
        }
        return seen.join(' ');
    });
    assert.doesNotMatch(said, /not known|Nothing is known|may be old/);
    clean();
});

test('where nobody can be asked for the other node, the page says why', async () => {
    server.write('answers/api/carpd/status/peer.json', { result: 'unknown', message: 'This node synchronises to no other one.' });
    await page.open(server.url('/ui/carpd/status'));
    await page.sees('The state of the other node is not known here. This node synchronises to no other one.', '#carpd-vhids');
    assert.equal(await page.run(() => document.querySelectorAll('#carpd-vhids th').length), 5);
    clean();
});

test('maintenance that the peer could not make up for is refused, says why, and can be forced', async () => {
    server.write('answers/api/carpd/maintenance/preflight.json', { result: 'ok', answer: 'no', text: HOSTILE });
    server.write('answers/api/carpd/maintenance/enter.json', { result: 'refused', message: 'fw2 is demoted by 240, too' });
    await page.open(server.url('/ui/carpd/status'));
    await page.click('#carpd-enter');
    await page.sees('The peer could not take over.', '#carpd-preflight');
    await page.sees(HOSTILE, '#carpd-preflight');
    await page.click('#btn_DialogMaintenance_save');
    await page.sees('Refused. fw2 is demoted by 240, too', '#carpd-preflight');
    await notInjected();
    clean();
});

test('text from outside is never HTML', async () => {
    const data = await status();
    const service = { ...data.services[0], health: 'unhealthy', health_detail: HOSTILE, last_action: { kind: 'start', result: 'failed', duration_ms: 10, at: data.time, detail: HOSTILE } };
    Object.assign(data, { node: HOSTILE, services: [service, { ...service, name: HOSTILE, follows: [HOSTILE] }] });
    data.verdict = { severity: HOSTILE, summary: HOSTILE, problems: [{ severity: 'critical', what: HOSTILE, effect: HOSTILE, next: HOSTILE }] };
    data.demotion = { total: 300, ledger: 'settled', reasons: [{ name: HOSTILE, value: 240, source: HOSTILE, detail: HOSTILE }] };
    data.vhids[0] = { ...data.vhids[0], interface: HOSTILE, state: HOSTILE, addresses: [HOSTILE] };
    const finding = { code: HOSTILE, severity: HOSTILE, place: { file: HOSTILE, line: 3 }, key: HOSTILE, cause: HOSTILE, remedy: HOSTILE, page: 'javascript:globalThis.injected=3' };
    server.write('answers/api/carpd/status/get.json', {
        result: 'ok', data,
        opnsense: { enabled: true, interfaces: { [HOSTILE]: { key: HOSTILE, descr: HOSTILE } }, vips: { [`1@${HOSTILE}`]: { descr: HOSTILE } }, maintenance: { active: true, reason: HOSTILE, by: HOSTILE, since: data.time, until: HOSTILE, demotion: 'stale', text: HOSTILE } },
    });
    server.write('answers/api/carpd/status/peer.json', { result: 'ok', data: { ...data, node: HOSTILE } });
    server.write('answers/api/carpd/status/config_check.json', { result: 'ok', documents: [{ file: HOSTILE, findings: [finding], errors: 1, warnings: 0, notes: 0, verdict: HOSTILE }] });
    const entry = (topic, text) => ({ seq: 1, time: data.time, level: HOSTILE, topic, object: HOSTILE, text });
    server.write('answers/api/carpd/status/history/500.json', { result: 'ok', entries: [entry('vhid', 'BACKUP -> MASTER'), entry('vhid', HOSTILE), entry('service', HOSTILE)] });
    await page.open(server.url('/ui/carpd/status'));
    for (const part of ['verdict', 'maintenance', 'vhids', 'demotion', 'services', 'findings', 'failovers']) {
        await page.until((css) => document.querySelector(css).textContent.includes('onerror='), `#carpd-${part}`);
    }
    assert.equal(await page.run(() => document.querySelector('#carpd-findings a[href^="javascript"]')), null);
    await notInjected();
    await page.open(server.url('/ui/carpd/check'));
    await page.sees(HOSTILE, '#carpd-own');
    await notInjected();
    clean();
});

test('with carpd dead the page says so, and shows what the kernel knows', async () => {
    disturbed = true;
    await lab.lab('daemon', 'stop', 'fw1');
    await page.open(server.url('/ui/carpd/status'));
    await page.sees('was read from the kernel just now', '#carpd-verdict');
    await page.sees('MASTER', '[data-vhid="1@vtnet0"]');
    await page.sees('172.18.0.100/24', '#carpd-vhids');
    await page.sees('known only while carpd runs', '#carpd-services');
    await lab.lab('daemon', 'start', 'fw1');
    await page.sees('running', '#carpd-services');
    await lab.master('fw1');
    clean();
});

test('with no carpctl at all every part still says what it can', async () => {
    server.write('status.json', '');
    server.write('history.json', '');
    await page.open(server.url('/ui/carpd/status'));
    await page.sees('Nothing is known of this node.', '#carpd-verdict');
    await page.sees('Maintenance', '#carpd-maintenance');
    await page.sees('Configuration', '#carpd-findings');
    assert.equal(await page.run(() => document.getElementById('carpd-known').hidden), true);
    clean();
});

test('a web server that ends leaves what was known, and says that it may be old', async () => {
    await page.open(server.url('/ui/carpd/status'));
    await page.sees('MASTER of 2/2 vhids', '#carpd-verdict');
    await server.stop();
    await page.sees('What is shown may be old.', '#carpd-verdict');
    await page.sees('172.18.0.100/24', '#carpd-vhids');
    await server.start();
    await page.until(() => !document.querySelector('#carpd-verdict').innerText.includes('may be old'));
});

test('what is provably stale can be corrected, and the rest cannot', async () => {
    const data = await status();
    data.demotion = { total: 480, ledger: 'uncertain', reasons: [{ name: 'interface down', value: 240, source: 'kernel', detail: 'vtnet1' }, { name: 'maintenance', value: 240, source: 'opnsense', detail: '' }] };
    const maintenance = { active: false, flag: false, reason: '', by: '', since: null, until: null, demotion: 'stale', text: 'Its 240 is still there.' };
    server.write('answers/api/carpd/status/get.json', { result: 'ok', data, opnsense: { enabled: true, interfaces: {}, vips: {}, maintenance } });
    server.write('answers/api/carpd/maintenance/repair.json', { result: 'ok', message: 'took 240 out' });
    await page.open(server.url('/ui/carpd/status'));
    await page.sees('The write arrived', '#carpd-demotion');
    const labels = await page.run(() => [...document.querySelectorAll('#carpd-demotion button')].map((button) => button.innerText.trim()));
    assert.deepEqual(labels, ['Take out the stale 240', 'The write arrived', 'The write was lost']);
    await page.click('#carpd-demotion button');
    await page.sees('took 240 out', '#carpd-demotion');
    assert.ok(page.requests.some((url) => url.endsWith('/api/carpd/maintenance/repair')));
    data.demotion = { total: 240, ledger: 'settled', reasons: [{ name: 'interface down', value: 240, source: 'kernel', detail: 'vtnet1' }] };
    server.write('answers/api/carpd/status/get.json', { result: 'ok', data, opnsense: { enabled: true, interfaces: {}, vips: {}, maintenance: { ...maintenance, demotion: 'none' } } });
    await page.sees('Nothing here is provably stale', '#carpd-demotion');
    assert.equal(await page.run(() => document.querySelectorAll('#carpd-demotion button').length), 0);
    clean();
});

test('500 virtual IPs are there in under a second, and typing in the filter survives news', async () => {
    const data = await status();
    data.vhids = Array.from({ length: 500 }, (_, n) => ({ ...data.vhids[0], vhid: (n % 250) + 1, interface: n < 250 ? 'vtnet0' : 'vtnet1', addresses: [`10.${Math.floor(n / 250)}.${n % 250}.1/24`] }));
    server.write('status.json', data);
    server.write('answers/api/carpd/status/peer.json', { result: 'ok', data: { ...data, node: 'fw2', vhids: data.vhids.map((vhid) => ({ ...vhid, state: 'BACKUP' })) } });
    // The browser's own work counts, not how long a machine that does other things makes it wait.
    await page.send('Performance.enable', { timeDomain: 'threadTicks' });
    const worked = async () => (await page.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
    const work = [];
    for (let run = 0; run < 3; run++) {
        await page.open('about:blank');
        const before = await worked();
        await page.open(server.url('/ui/carpd/status'));
        await page.until(() => document.querySelectorAll('[data-vhid]').length === 500 && document.getElementById('carpd-vhids').innerText.includes('fw2'));
        work.push((await worked()) - before);
        if (run === 2) {
            const wall = await page.run(() => Math.round(performance.now()));
            console.log(`500 virtual IPs: seen ${wall} ms after the page was asked for`);
        }
    }
    await page.send('Performance.disable');
    console.log(`500 virtual IPs: ${work.map((seconds) => Math.round(seconds * 1000)).join(', ')} ms of work for the browser`);
    assert.ok(Math.min(...work) < 1, work.join(', '));
    await page.type('#carpd-filter', '10.1.7.');
    await page.until(() => [...document.querySelectorAll('[data-vhid]')].filter((row) => !row.hidden).length === 1);
    data.vhids[0] = { ...data.vhids[0], state: 'INIT' };
    server.write('status.json', data);
    await page.sees('499 MASTER, 1 INIT', '#carpd-vhids');
    assert.equal(await page.run(() => document.activeElement.id), 'carpd-filter');
    assert.equal(await page.run(() => [...document.querySelectorAll('[data-vhid]')].filter((row) => !row.hidden).length), 1);
    await page.type('#carpd-filter', 'nowhere');
    await page.sees('No virtual IP matches.', '#carpd-vhids');
    clean();
});

test('the check page compares with a file of the peer, explains, and keeps nothing', async () => {
    await page.open(server.url('/ui/carpd/check'));
    await page.sees('The configuration check finds nothing.', '#carpd-own');
    const file = path.join(lab.folder, 'peer.xml');
    writeFileSync(file, '<opnsense><system><hostname>fw2</hostname></system><interfaces/><virtualip/></opnsense>');
    await page.choose('#carpd-peer-file', file);
    const code = await page.until(() => document.querySelector('#carpd-peer .carpd-ask')?.textContent);
    await page.click('#carpd-peer .carpd-ask');
    await page.sees(code, '#carpd-peer .carpd-explanation');
    await page.until(() => document.querySelector('#carpd-peer .carpd-explanation').textContent.length > 40);
    clean();
});

/** Shows the widget on a page of ours, as core's dashboard makes it. */
const showWidget = async (of) => {
    await page.open(of.url('/ui/carpd/check'));
    await page.run(async (scripts, translations) => {
        for (const src of scripts) {
            await new Promise((resolve) => { document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve })); });
        }
        const { default: Widget } = await import('/ui/js/widgets/Carpd.js');
        const widget = new Widget({ callbacks: { updateGrid: () => {} } });
        widget.setTranslations(translations);
        document.querySelector('.carpd-page').prepend(widget.getMarkup()[0]);
        globalThis.widget = widget;
        await widget.onWidgetTick();
    }, process.env.OPNSENSE_CORE ? ['/ui/js/widgets/BaseWidget.js', '/ui/js/widgets/BaseTableWidget.js'] : [], translations());
};

test('the widget says what the node is, follows changes, and survives a dead carpd', async () => {
    await showWidget(server);
    await page.sees('MASTER of 2/2 vhids', '#carpd-widget');
    await page.sees('running gateway', '#carpd-widget');
    await page.picture(path.join(pictures, 'opnsense-widget.png'));
    disturbed = true;
    await lab.lab('daemon', 'stop', 'fw1');
    await page.run(() => globalThis.widget.onWidgetTick());
    await page.sees('carpd is not running', '#carpd-widget');
    const data = await status();
    Object.assign(data, { node: HOSTILE, source: 'daemon', services: [{ name: HOSTILE, want: null, busy: null, is: HOSTILE, health: 'ok' }] });
    data.verdict = { severity: HOSTILE, summary: HOSTILE, problems: [{ what: HOSTILE }] };
    server.write('answers/api/carpd/status/get.json', { result: 'ok', data, opnsense: { maintenance: { active: true, reason: HOSTILE } } });
    server.write('answers/api/carpd/status/history/200.json', { result: 'ok', entries: [{ topic: 'vhid', object: HOSTILE, text: `-> ${HOSTILE}`, time: data.time }] });
    await page.run(() => globalThis.widget.onWidgetTick());
    await page.sees(HOSTILE, '#carpd-widget');
    assert.equal(await page.run(() => document.querySelectorAll('#carpd-widget img, #carpd-widget script').length), 0);
    await notInjected();
    clean();
});

test('a service is added in its dialog, which shows what its driver has, and saved where carpd reads it', { skip: !process.env.OPNSENSE_CORE && 'forms and grids are core\'s' }, async () => {
    await page.open(server.url('/ui/carpd/settings#services'));
    await page.until(() => document.querySelector('#services.active'));
    await page.click('#services .command-add');
    const shown = (name) => page.run((id) => document.getElementById(`row_service.${id}`).getClientRects().length > 0, name);
    await page.until(() => document.getElementById('service.driver')?.options.length > 1 && document.querySelector('.modal.in') && $.active === 0);
    assert.equal(await shown('rc_script'), false);
    const choose = (name, ...values) => page.run((id, chosen) => { $(document.getElementById(`service.${id}`)).val(chosen.length > 1 ? chosen : chosen[0]).change().selectpicker('refresh'); }, name, values);
    await choose('driver', 'rc');
    assert.deepEqual([await shown('rc_script'), await shown('configd_start'), await shown('script')], [true, false, false]);
    await page.type('[id="service.name"]', 'proxy');
    await page.type('[id="service.description"]', HOSTILE);
    await page.type('[id="service.rc_script"]', 'haproxy');
    await choose('follows', '1@wan', '3@lan');
    await page.click('.modal.in button[id$="_save"]');
    await page.sees('proxy', '#services');
    await page.sees('1@wan (WAN, 172.18.0.100)', '#services');
    await page.sees(HOSTILE, '#services');
    const saved = readFileSync(path.join(lab.folder, 'lab/fw1/config.xml'), 'utf8');
    assert.match(saved, /<follows>1@wan,3@lan<\/follows>/);
    assert.match(saved, /<rc_script>haproxy<\/rc_script>/);
    assert.equal(await page.run(() => globalThis.injected), undefined);
    clean();
});

test('a mistake in a setting is shown at the field, and nothing is applied', { skip: !process.env.OPNSENSE_CORE && 'forms and grids are core\'s' }, async () => {
    await page.open(server.url('/ui/carpd/settings'), { height: 1400 });
    await page.until(() => document.getElementById('node.log')?.options.length > 1);
    await page.run(() => { document.getElementById('carpd.general.poll').value = '9s'; });
    await page.click('#reconfigureAct');
    await page.until(() => document.getElementById('help_block_carpd.general.poll').textContent.trim());
    assert.ok(!page.requests.some((url) => url.includes('/service/reconfigure')));
    await page.run(() => { document.getElementById('carpd.general.poll').value = '2s'; });
    await page.click('#reconfigureAct');
    await page.until(() => document.querySelector('#reconfigureAct .fa-check'));
    assert.ok(page.requests.some((url) => url.includes('/service/reconfigure')));
    assert.match(readFileSync(path.join(lab.folder, 'lab/fw1/config.xml'), 'utf8'), /<poll>2s<\/poll>/);
    clean();
});

test('pages fit a telephone, and look right in light and dark', async () => {
    for (const [name, of] of [['light', server], ['dark', dark]]) {
        for (const width of [400, 1400]) {
            for (const which of ['status', 'check', ...(process.env.OPNSENSE_CORE ? ['settings'] : [])]) {
                await page.open(of.url(`/ui/carpd/${which}`), { width, dark: name === 'dark' });
                if (which === 'settings') {
                    await page.until(() => document.getElementById('node.log')?.options.length > 1);
                } else {
                    await page.sees('The configuration check finds nothing.');
                }
                if (which === 'status') {
                    await page.sees('MASTER of 2/2 vhids', '#carpd-verdict');
                    await page.sees('fw2: BACKUP of 2/2 vhids', '#carpd-vhids');
                    await page.until(() => document.querySelector('#carpd-overview svg'));
                }
                const over = await page.run(() => document.documentElement.scrollWidth - innerWidth);
                assert.ok(over <= 0, `${which} at ${width} is ${over} pixels too wide`);
                await page.picture(path.join(pictures, `opnsense-${which}-${name}-${width}.png`));
            }
        }
    }
    clean();
});
