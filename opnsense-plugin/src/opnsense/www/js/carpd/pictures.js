// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * The last failovers, as a list and as pictures, on the page "Status".
 */
(function (carpd) {
    const { h, text } = carpd;
    const LANES = 12;

    function render(state, page) {
        const title = h('h3', null, text('failovers'));
        if (state.history === null) {
            return [title, h('p', { class: 'carpd-quiet' }, text('loading'))];
        }
        if (state.history.error) {
            return [title, h('p', null, text('history_unknown'), ' ', state.history.error)];
        }
        const entries = state.history.entries;
        const list = carpd.failovers(entries).slice(0, 10);
        if (list.length === 0) {
            return [title, h('p', null, entries.length === 0 ? text('history_empty') : [text('failovers_none'), ' ', carpd.relative(entries[0].time, 'since')])];
        }
        const picture = h('div', { class: 'carpd-picture', id: 'carpd-picture' });
        const overview = h('div', { class: 'carpd-picture', id: 'carpd-overview' });
        requestAnimationFrame(() => carpd.drawPictures(state, page.now()));
        return [
            title,
            h('div', { class: 'carpd-failover-list', role: 'group' }, list.map((failover, index) => failoverButton(failover, index, state, page))),
            h('h4', null, text('picture_one')),
            picture,
            h('h4', null, text('picture_all')),
            overview,
            h('p', { class: 'carpd-quiet' }, h('a', { href: '/ui/diagnostics/log/core/carpd' }, text('to_log'))),
        ];
    }

    /** The history has a hundredth of a second to tell apart what the kernel did in one go. */
    const within = (ms) => (ms < 50 ? text('at_once') : text('within', { time: carpd.seconds(ms / 1000) }));

    function failoverButton(failover, index, state, page) {
        const key = failover.bounced ? 'failover_bounced' : failover.gained >= failover.lost ? 'failover_gained' : 'failover_lost';
        const ready = failover.services.length > 0 ? text('failover_services', { time: carpd.seconds((failover.end - failover.from) / 1000) }) : '';
        return h(
            'button',
            {
                type: 'button',
                class: 'btn btn-default btn-sm',
                'aria-pressed': String(index === state.selected),
                click: () => page.choose(index),
            },
            h('b', null, carpd.localTime(failover.from)),
            h('span', null, text(key, { n: Math.max(failover.gained, failover.lost), time: within(failover.to - failover.from) })),
            ready ? h('span', failover.failed ? { class: 'carpd-bad' } : null, ready) : null
        );
    }

    const laneOf = ({ objects, bars }) => ({
        label: objects.length === 1 ? objects[0] : text('lane_many', { first: objects[0], n: objects.length - 1 }),
        title: objects.slice(0, 20).join(', ') + (objects.length > 20 ? ' …' : ''),
        bars: bars.map((bar) => {
            const word = stateWord(bar.state);
            return { ...bar, kind: bar.state.toLowerCase(), text: word, title: barTitle(word, bar) };
        }),
    });

    const SERVICE_WORDS = { running: 'is_running', stopped: 'is_stopped', start: 'busy_start', stop: 'busy_stop', failed: 'action_failed' };

    /** The kernel's states are words of their own; what services do is said in the page's language. */
    const stateWord = (word) => (word in SERVICE_WORDS ? text(SERVICE_WORDS[word]) : word);

    const barTitle = (what, bar) => `${what}, ${carpd.localTime(bar.from)}, ${carpd.seconds((bar.to - bar.from) / 1000)}`;

    /** At most so many lanes; the ones left out are counted in the last. */
    function capped(lanes) {
        if (lanes.length <= LANES) {
            return lanes.map(laneOf);
        }
        const rest = lanes.slice(LANES - 1).flatMap((lane) => lane.objects);
        return [...lanes.slice(0, LANES - 1).map(laneOf), { label: text('lane_more', { n: rest.length }), title: rest.slice(0, 20).join(', '), bars: [] }];
    }

    /** Draws both pictures as wide as the page is now. */
    carpd.drawPictures = function (state, end) {
        const host = document.getElementById('carpd-picture');
        if (host === null || !state.history?.entries) {
            return;
        }
        const entries = state.history.entries;
        const list = carpd.failovers(entries);
        const failover = list[Math.min(state.selected, list.length - 1)];
        const margin = Math.max(1000, (failover.end - failover.from) * 0.15);
        const from = failover.from - margin;
        const to = failover.end + margin;
        const services = carpd.serviceLanes(failover.services, from, to).map(laneOf);
        carpd.draw(host, { from, to, origin: failover.from, label: text('picture_one'), lanes: [...capped(carpd.lanes(failover.changes, from, to)), ...services] });

        const all = carpd.changes(entries);
        const begin = Date.parse(entries[0].time);
        const spans = carpd.maintenanceSpans(entries, end).map((span) => ({ ...span, kind: 'maintenance', text: text('maintenance'), title: barTitle(text('maintenance'), span) }));
        const lanes = capped(carpd.lanes(all, begin, end));
        if (spans.length > 0) {
            lanes.push({ label: text('maintenance'), title: text('maintenance'), bars: spans });
        }
        carpd.draw(document.getElementById('carpd-overview'), { from: begin, to: end, label: text('picture_all'), lanes });
    };

    carpd.parts.failovers = {
        needs: ({ history, selected }) => [history, selected],
        render,
    };
}((globalThis.carpd ??= {})));
