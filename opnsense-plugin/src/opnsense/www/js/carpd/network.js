// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * pfsync, the settings of the kernel that decide about takeovers, and the sources of events, on the page "Status".
 */
(function (carpd) {
    const { h, text } = carpd;

    function render(state) {
        const { data } = state.status;
        const { pfsync, carp, events } = data;
        const yes = (is) => text(is ? 'yes' : 'no');
        return [
            h('h3', null, text('network')),
            h(
                'dl',
                { class: 'carpd-facts' },
                carpd.fact('pfsync', pfsyncText(pfsync)),
                carp ? carpd.fact('preempt', yes(carp.preempt), carp.preempt ? null : h('div', { class: 'carpd-bad' }, text('preempt_off'))) : null,
                carp ? carpd.fact('allow', yes(carp.allow), carp.allow ? null : h('div', { class: 'carpd-bad' }, text('allow_off'))) : null,
                carp ? carpd.fact('badauth', String(carp.badauth), carp.badauth_ago === null ? null : h('div', { class: 'carpd-bad' }, text('badauth_now'))) : null,
                carp ? carpd.fact('badvhid', String(carp.badvhid)) : null,
                data.source === 'daemon' ? carpd.fact('events', events.sources.length > 0 ? events.sources.join(', ') : text('events_none'), h('div', { class: 'carpd-quiet' }, text('events_missed', { n: events.missed }))) : null
            ),
        ];
    }

    function pfsyncText(pfsync) {
        if (pfsync === null || pfsync === undefined) {
            return text('pfsync_unknown');
        }
        if (pfsync.syncdev === null || pfsync.syncdev === undefined) {
            return [text('pfsync_off'), ' ', h('a', { href: '/ui/core/hasync' }, text('to_hasync'))];
        }
        const where = pfsync.syncpeer ? text('pfsync_to', { device: pfsync.syncdev, peer: pfsync.syncpeer }) : text('pfsync_via', { device: pfsync.syncdev });
        return [
            h('span', { class: `carpd-badge carpd-health-${pfsync.in_sync ? 'ok' : 'unhealthy'}` }, text(pfsync.in_sync ? 'in_sync' : 'not_in_sync')),
            ' ', where, h('div', { class: 'carpd-quiet' }, text('pfsync_format', { version: pfsync.version })),
        ];
    }

    carpd.parts.network = {
        needs: ({ status: { data } }) => [data.pfsync, data.carp, data.events, data.source],
        render,
    };
}((globalThis.carpd ??= {})));
