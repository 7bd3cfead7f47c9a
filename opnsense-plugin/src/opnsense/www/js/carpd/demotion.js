// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * The demotion as shares that add up, and what of it can be corrected, on the page "Status".
 */
(function (carpd) {
    const { h, text, facts } = carpd;

    const SOURCES = { carpd: 'carpd', kernel: 'kernel', opnsense: 'opnsense', unattributed: 'unattributed' };

    function render(state, page) {
        const { data, opnsense } = state.status;
        const { total, shares } = facts.demotion(data.demotion);
        const parts = [h('h3', null, text('demotion'), ' ', h('small', null, total === null ? text('unknown') : String(total)))];
        if (total === null) {
            parts.push(h('p', null, text('demotion_unreadable')));
        } else if (shares.length === 0) {
            parts.push(h('p', null, text('demotion_none')));
        } else {
            parts.push(shareBar(shares), shareTable(shares, total));
            if (total < 0) {
                parts.push(carpd.message('danger', text('demotion_negative')));
            }
        }
        if (data.demotion.ledger === 'uncertain') {
            parts.push(carpd.message('warning', text('ledger_uncertain')));
        }
        const offers = facts.corrections(data.demotion, opnsense?.maintenance);
        if (offers.length > 0) {
            parts.push(h('div', { id: 'carpd-demotion-said' }), h('div', { class: 'carpd-buttons' }, offers.map((one) => offer(one, page))));
        } else if (shares.length > 0) {
            parts.push(h('p', { class: 'carpd-quiet' }, text('demotion_nothing_stale')));
        }
        return parts;
    }

    /** Positive shares side by side, as long as they are large. */
    function shareBar(shares) {
        const shown = shares.filter((share) => share.value > 0);
        return h(
            'div',
            { class: 'carpd-shares', 'aria-hidden': 'true' },
            shown.map((share) =>
                h('div', { class: `carpd-share carpd-share-${SOURCES[share.source] ?? 'unattributed'}`, style: `flex-grow: ${share.value}`, title: `${share.value} ${share.name}` }, String(share.value)))
        );
    }

    function shareTable(shares, total) {
        const row = (share) =>
            h(
                'tr',
                null,
                h('td', { class: 'carpd-number' }, String(share.value)),
                h('td', null, h('b', null, share.name || text('demotion_left_over')), share.detail ? h('div', { class: 'carpd-quiet' }, share.detail) : null),
                h('td', null, text(`source_${SOURCES[share.source] ?? 'unattributed'}`))
            );
        return h(
            'table',
            { class: 'table table-condensed carpd-table' },
            h('thead', null, h('tr', null, ['head_value', 'head_share', 'head_whose'].map((key) => h('th', { scope: 'col' }, text(key))))),
            h('tbody', null, shares.map(row)),
            h('tfoot', null, h('tr', null, h('td', { class: 'carpd-number' }, h('b', null, String(total))), h('td', { colspan: 2 }, h('b', null, text('demotion_sum')))))
        );
    }

    function offer({ kind, state: found }, page) {
        if (kind === 'repair') {
            return button('fa-wrench', text(`repair_${found}`), () => page.act('carpd-demotion-said', '/api/carpd/maintenance/repair'));
        }
        return ['landed', 'lost'].map((what) =>
            button('fa-balance-scale', text(`assume_${what}`), () => page.act('carpd-demotion-said', '/api/carpd/ledger/assume', { what })));
    }

    const button = (icon, label, click, kind = 'btn-default') =>
        h('button', { type: 'button', class: `btn ${kind}`, click }, h('i', { class: `fa fa-fw ${icon}`, 'aria-hidden': 'true' }), ' ', label);

    carpd.parts.demotion = {
        needs: ({ status: { data, opnsense } }) => [data.demotion, opnsense?.maintenance],
        render,
    };
}((globalThis.carpd ??= {})));
