// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * The virtual IPs of both nodes, on the page "Status".
 */
(function (carpd) {
    const { h, text, facts } = carpd;

    function render(state) {
        const { data, opnsense } = state.status;
        const title = h('h3', null, text('vhids'), ' ', h('small', null, facts.count(data.vhids)));
        if (data.vhids.length === 0) {
            return [title, h('p', null, text('no_vhids'), ' ', h('a', { href: '/ui/interfaces/vip' }, text('to_vips')))];
        }
        const peer = state.peer?.data ?? null;
        const rows = data.vhids.map((vhid) => ({ vhid, row: vhidRow(vhid, data, opnsense, peer) }));
        const nothing = h('p', { class: 'carpd-quiet' }, text('nothing_matches'));
        const show = () => {
            for (const { vhid, row } of rows) {
                row.hidden = !facts.matches(vhid, opnsense, state.typed.trim());
            }
            nothing.hidden = rows.some(({ row }) => !row.hidden);
        };
        const filter = h('input', {
            type: 'search', id: 'carpd-filter', class: 'form-control carpd-filter', placeholder: text('filter'), 'aria-label': text('filter'),
            input: (event) => { state.typed = event.target.value; show(); },
        });
        filter.value = state.typed;
        show();
        const heads = ['vhid', 'interface', 'addresses', 'state_here', ...(peer ? ['state_there'] : []), 'skew'];
        return [
            h('div', { class: 'carpd-title' }, title, data.vhids.length > 8 ? filter : null),
            peerNote(data, peer, state.peer?.message),
            h(
                'div',
                { class: 'carpd-scroll' },
                h(
                    'table',
                    { class: 'table table-condensed table-striped carpd-table carpd-stacks' },
                    h('thead', null, h('tr', null, heads.map((key) => h('th', { scope: 'col' }, headText(key, data, peer))))),
                    h('tbody', null, rows.map(({ row }) => row))
                ),
                nothing
            ),
        ];
    }

    function headText(key, data, peer) {
        return text(`head_${key}`, { node: key === 'state_there' ? peer.node : data.node });
    }

    /** What is said of the other node above the table: who it is, or why nothing is known of it. */
    function peerNote(data, peer, why) {
        if (peer === null) {
            return h('p', { class: 'carpd-quiet' }, text('peer_unknown'), ' ', why ?? '');
        }
        const odd = facts.disagreements(data.vhids, peer);
        const parts = odd.slice(0, 5).map(({ vhid, kind }) =>
            carpd.message('danger', text(`masters_${kind}`, { vhid: facts.reference(vhid), node: data.node, peer: peer.node })));
        if (odd.length > 5) {
            parts.push(carpd.message('danger', text('masters_more', { n: odd.length - 5 })));
        }
        return [
            h('p', { class: 'carpd-quiet' }, text('peer_is', { peer: peer.node, summary: peer.verdict.summary })),
            parts,
        ];
    }

    function vhidRow(vhid, data, opnsense, peer) {
        const { device, name } = facts.interfaceOf(vhid, opnsense);
        const describe = facts.describe(vhid, opnsense);
        const { effective, why } = facts.skew(vhid, data.demotion.total);
        const interval = facts.interval(vhid);
        const other = peer ? facts.sameOn(peer, vhid) : null;
        const cell = (key) => ({ 'data-label': headText(key, data, peer) });
        return h(
            'tr',
            { 'data-vhid': facts.reference(vhid) },
            h('td', cell('vhid'), h('b', null, String(vhid.vhid)), describe ? h('div', { class: 'carpd-quiet' }, describe) : null),
            h('td', cell('interface'), name || device, name ? h('div', { class: 'carpd-quiet' }, device) : null),
            h('td', { class: 'carpd-addresses', ...cell('addresses') }, vhid.addresses.map((address) => h('div', null, address))),
            h('td', cell('state_here'), stateAndSince(vhid)),
            peer ? h('td', cell('state_there'), other ? stateAndSince(other) : h('span', { class: 'carpd-quiet' }, text('peer_has_not'))) : null,
            h(
                'td',
                cell('skew'),
                h('b', null, effective),
                why ? h('div', { class: 'carpd-quiet' }, why, interval ? ` · ${text('interval', { time: carpd.seconds(interval) })}` : '') : null
            )
        );
    }

    function stateAndSince(vhid) {
        const since = vhid.since ? carpd.relative(vhid.since, 'since_ago') : text('since_before');
        return [carpd.state(vhid.state), h('div', { class: 'carpd-quiet' }, vhid.state === 'absent' || vhid.state === 'unknown' ? '' : since)];
    }

    carpd.parts.vhids = {
        needs: ({ status: { data, opnsense }, peer }) => [
            data.vhids, data.demotion.total, opnsense?.interfaces, opnsense?.vips, peer?.message, peer?.data?.vhids, peer?.data?.verdict,
        ],
        render,
    };
}((globalThis.carpd ??= {})));
