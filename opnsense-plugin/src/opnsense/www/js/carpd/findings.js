// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * Findings of the configuration check, on the pages "Status" and "Check".
 */
(function (carpd) {
    const { h, text, facts } = carpd;

    /** Only pages of this web interface are linked to, whatever the answer says. */
    const PAGE = /^\/(ui\/|[a-z_]+\.php)/;

    /** `check` is null while nothing is known, `{error}`, or `{documents}`. */
    carpd.findingsView = function (check) {
        if (check === null) {
            return h('p', { class: 'carpd-quiet' }, text('loading'));
        }
        if (check.error !== undefined) {
            return carpd.message('warning', text('check_failed'), ' ', check.error);
        }
        const list = facts.findings(check.documents);
        if (list.length === 0) {
            return h('p', null, h('i', { class: 'fa fa-fw fa-check', 'aria-hidden': 'true' }), ' ', text('findings_none'));
        }
        return h('ul', { class: 'carpd-findings' }, list.map(finding));
    };

    function finding(one) {
        const explanation = h('pre', { class: 'carpd-explanation', hidden: true });
        const place = one.place ? `${one.place.file ?? one.file}${one.place.line ? `:${one.place.line}` : ''}` : one.file;
        return h(
            'li',
            null,
            carpd.severity(one.severity),
            h(
                'div',
                null,
                h('b', null, one.cause),
                one.remedy ? h('div', { class: 'carpd-next' }, h('i', { class: 'fa fa-fw fa-arrow-right', 'aria-hidden': 'true' }), ' ', one.remedy) : null,
                h(
                    'div',
                    { class: 'carpd-quiet' },
                    place,
                    one.key ? ` · ${one.key}` : '',
                    ' · ',
                    h('button', { type: 'button', class: 'btn btn-link btn-xs carpd-ask', click: () => explain(one.code, explanation) }, one.code),
                    one.page && PAGE.test(one.page) ? [' · ', h('a', { href: one.page }, text('to_page'))] : null
                ),
                explanation
            )
        );
    }

    carpd.parts.findings = {
        needs: ({ check }) => [check],
        render: ({ check }) => [
            h('h3', null, text('findings')),
            carpd.findingsView(check),
            h('p', { class: 'carpd-quiet' }, h('a', { href: '/ui/carpd/check' }, text('to_check'))),
        ],
    };

    async function explain(code, host) {
        host.hidden = !host.hidden;
        if (host.hidden || host.textContent !== '') {
            return;
        }
        const { answer, error } = await carpd.get(`/api/carpd/status/explain/${encodeURIComponent(code)}`);
        host.textContent = error ?? answer.text ?? answer.message ?? '';
    }
}((globalThis.carpd ??= {})));
