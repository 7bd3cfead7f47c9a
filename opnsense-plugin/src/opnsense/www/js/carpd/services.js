// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * What services should do and what they do, on the page "Status".
 */
(function (carpd) {
    const { h, text } = carpd;

    function render(state) {
        const { data } = state.status;
        const parts = [h('h3', null, text('services'))];
        if (data.source === 'kernel') {
            return [...parts, h('p', null, text('services_need_daemon'))];
        }
        if (data.services.length === 0) {
            return [...parts, h('p', null, text('no_services'), ' ', h('a', { href: '/ui/carpd/settings#services' }, text('to_settings')))];
        }
        const heads = ['service', 'want', 'is', 'health', 'last'];
        return [
            ...parts,
            h(
                'div',
                { class: 'carpd-scroll' },
                h(
                    'table',
                    { class: 'table table-condensed table-striped carpd-table carpd-stacks' },
                    h('thead', null, h('tr', null, heads.map((key) => h('th', { scope: 'col' }, text(`head_${key}`))))),
                    h('tbody', null, data.services.map(serviceRow))
                )
            ),
        ];
    }

    const WANTED = { active: 'running', standby: 'stopped' };

    function serviceRow(service) {
        const odd = service.want !== null && service.is !== 'unknown' && !service.busy && WANTED[service.want] !== service.is;
        const why = h('div', { class: 'carpd-why', hidden: true });
        const ask = async () => {
            why.hidden = !why.hidden;
            if (!why.hidden) {
                const { answer, error } = await carpd.get(`/api/carpd/status/why?object=${encodeURIComponent(service.name)}`);
                why.replaceChildren(h('pre', null, error ?? answer.text ?? answer.message ?? ''));
            }
        };
        const cell = (key) => ({ 'data-label': text(`head_${key}`) });
        return h(
            'tr',
            odd ? { class: 'carpd-odd' } : null,
            h(
                'td',
                cell('service'),
                h('b', null, service.name),
                h('div', { class: 'carpd-quiet' }, text(`follows_${service.require}`, { vhids: service.follows.join(', ') })),
                h('button', { type: 'button', class: 'btn btn-link btn-xs carpd-ask', click: ask }, text('why')),
                why
            ),
            h('td', cell('want'), service.want ? h('span', { class: 'carpd-word' }, text(`want_${service.want}`)) : h('span', { class: 'carpd-quiet' }, text('undecided'))),
            h('td', cell('is'), isWord(service), service.since ? h('div', { class: 'carpd-quiet' }, carpd.relative(service.since, 'since_ago')) : null),
            h('td', cell('health'), healthWord(service)),
            h('td', cell('last'), lastAction(service.last_action), service.deaths > 0 ? h('div', { class: 'carpd-bad' }, text('deaths', { n: service.deaths })) : null)
        );
    }

    function isWord(service) {
        if (service.busy) {
            return h('span', { class: 'carpd-word' }, h('i', { class: 'fa fa-fw fa-spinner fa-pulse', 'aria-hidden': 'true' }), ' ', text(`busy_${service.busy}`));
        }
        return h('span', { class: `carpd-badge carpd-is-${service.is}` }, text(`is_${service.is}`));
    }

    function healthWord(service) {
        if (service.health === 'unknown' && service.is !== 'running') {
            return h('span', { class: 'carpd-quiet' }, '–');
        }
        return [
            h('span', { class: `carpd-badge carpd-health-${service.health}` }, text(`health_${service.health}`)),
            service.health_detail ? h('div', { class: 'carpd-quiet' }, service.health_detail) : null,
        ];
    }

    function lastAction(action) {
        if (!action) {
            return h('span', { class: 'carpd-quiet' }, '–');
        }
        const said = text(`action_${action.kind}_${action.result}`, { time: carpd.seconds(action.duration_ms / 1000) });
        return [
            h('span', action.result === 'ok' ? null : { class: 'carpd-bad' }, said),
            h('div', { class: 'carpd-quiet' }, carpd.relative(action.at)),
            action.detail ? h('div', { class: 'carpd-bad' }, action.detail) : null,
        ];
    }

    carpd.parts.services = {
        needs: ({ status: { data } }) => [data.services, data.source],
        render,
    };
}((globalThis.carpd ??= {})));
