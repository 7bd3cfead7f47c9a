// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * The judgement, first: who answers, what is wrong, what to do next. On the page "Status".
 */
(function (carpd) {
    const { h, text } = carpd;

    function render(state) {
        const data = state.status?.data;
        if (!data) {
            const why = state.error ?? state.status?.message;
            const loading = state.error === null && state.status === null;
            return loading ? h('p', { class: 'carpd-quiet' }, text('loading')) : carpd.message('danger', h('b', null, text('nothing_known')), ' ', why ?? '');
        }
        const parts = state.error === null ? [] : [carpd.message('warning', text('page_stale'), ' ', state.error)];
        parts.push(
            h(
                'div',
                { class: 'carpd-headline' },
                carpd.severity(data.verdict.severity),
                h('span', { class: 'carpd-node' }, data.node),
                h('span', { class: 'carpd-summary' }, data.verdict.summary),
                h('span', { class: 'carpd-by' }, text('answered_by', { version: data.version }))
            )
        );
        const { enabled, pending } = state.status.opnsense ?? {};
        if (data.source === 'kernel') {
            parts.push(carpd.message('warning', h('b', null, text(enabled === false ? 'daemon_off' : 'daemon_down')), ' ', text('from_kernel')));
        }
        if (pending) {
            parts.push(carpd.message('info', text('pending'), ' ', h('a', { href: '/ui/carpd/settings' }, text('to_settings'))));
        }
        if (data.draining) {
            parts.push(carpd.message('info', text('draining')));
        }
        if (data.verdict.problems.length > 0) {
            parts.push(h('ul', { class: 'carpd-problems' }, data.verdict.problems.map(problem)));
        }
        parts.push(h('div', { id: 'carpd-said' }));
        return parts;
    }

    function problem(one) {
        return h(
            'li',
            null,
            carpd.severity(one.severity),
            h(
                'div',
                null,
                h('b', null, one.what),
                one.effect ? h('div', null, one.effect) : null,
                one.next ? h('div', { class: 'carpd-next' }, h('i', { class: 'fa fa-fw fa-arrow-right', 'aria-hidden': 'true' }), ' ', one.next) : null
            )
        );
    }

    carpd.parts.verdict = {
        needs: ({ error, status }) => {
            const { verdict, source, node, version, draining } = status?.data ?? {};
            return [error, status?.message, verdict, source, node, version, draining, status?.opnsense?.enabled, status?.opnsense?.pending];
        },
        render,
    };
}((globalThis.carpd ??= {})));
