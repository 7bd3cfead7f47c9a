// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * The page "Status". It asks every few seconds and draws anew only those parts whose facts have changed, so that a selection,
 * an open explanation or the filter survive, and 500 vhids cost nothing while they stay as they are.
 */
(function (carpd) {
    const EVERY = 5000;
    /** The history and the peer are asked less often: the peer through the other node's web interface. */
    const SLOW = 20000;
    const HISTORY = 500;

    const KNOWN = ['vhids', 'demotion', 'services', 'network'];
    const ALWAYS = ['verdict', 'maintenance', 'failovers', 'findings'];

    const state = { status: null, error: null, history: null, check: null, peer: null, selected: 0, typed: '' };
    const drawn = {};
    /** The server's time minus that of `performance.now()`: what the browser's clock says does not matter. */
    let offset = null;

    const place = (id) => document.getElementById(id);
    const now = () => (offset === null ? Date.now() : performance.now() + offset);

    const page = {
        now,
        choose(index) {
            state.selected = index;
            drawAll();
        },
        /** Does something once, looks again, and says how it went where it was asked for. */
        async act(where, url, data = {}) {
            const buttons = place(where).parentElement.querySelectorAll('button');
            buttons.forEach((one) => { one.disabled = true; });
            const { answer, error } = await carpd.post(url, data);
            await refresh();
            buttons.forEach((one) => { one.disabled = false; });
            const ok = answer?.result === 'ok';
            // With its cause gone, the place may be gone, too; the verdict is always there.
            (place(where) ?? place('carpd-said')).replaceChildren(carpd.message(ok ? 'success' : 'danger', error ?? answer.message ?? ''));
        },
    };

    /** Draws a part if what it shows has changed since it was drawn, and leaves the keyboard where it was. */
    function draw(name) {
        const { needs, render } = carpd.parts[name];
        const shown = JSON.stringify(needs(state));
        if (drawn[name] === shown) {
            return;
        }
        drawn[name] = shown;
        const focused = document.activeElement?.id;
        let content;
        try {
            content = render(state, page);
        } catch (error) {
            // An answer that one part does not understand must not take the others along.
            console.error(error);
            content = carpd.message('danger', carpd.text('not_drawn'));
        }
        place(`carpd-${name}`).replaceChildren(...[content].flat(Infinity).filter((node) => node));
        if (focused && document.activeElement?.id !== focused) {
            place(focused)?.focus();
        }
    }

    function drawAll() {
        ALWAYS.forEach(draw);
        place('carpd-known').hidden = !state.status?.data;
        if (state.status?.data) {
            KNOWN.forEach(draw);
        }
        carpd.tick(document, now());
    }

    let busy = Promise.resolve();

    /** Asks for the status. Requests never overlap: whoever wants one while one is under way gets one more after it. */
    function refresh() {
        busy = busy.then(async () => {
            const { answer, error } = await carpd.get('/api/carpd/status/get');
            state.error = error ?? null;
            if (answer) {
                state.status = answer;
                if (answer.data?.time) {
                    offset = Date.parse(answer.data.time) - performance.now();
                }
            }
            drawAll();
        });
        return busy;
    }

    async function history() {
        const { answer, error } = await carpd.get(`/api/carpd/status/history/${HISTORY}`);
        state.history = answer?.result === 'ok' ? { entries: answer.entries } : { error: error ?? answer.message ?? '' };
        drawAll();
    }

    async function peer() {
        const { answer, error } = await carpd.get('/api/carpd/status/peer');
        state.peer = { data: answer?.data ?? null, message: error ?? answer.message ?? '' };
        drawAll();
    }

    async function check() {
        const { answer, error } = await carpd.get('/api/carpd/status/config_check', 60000);
        state.check = answer?.result === 'ok' ? { documents: answer.documents } : { error: error ?? answer.message ?? '' };
        drawAll();
    }

    /** Repeats while somebody looks; a page in the background asks nothing. */
    async function repeat(what, every) {
        for (;;) {
            await what();
            await new Promise((resolve) => { setTimeout(resolve, every); });
            while (document.hidden) {
                await new Promise((resolve) => { document.addEventListener('visibilitychange', resolve, { once: true }); });
            }
        }
    }

    carpd.startStatus = function () {
        carpd.readTexts(place('carpd-texts'));
        carpd.setUpMaintenance(refresh);
        repeat(refresh, EVERY);
        repeat(history, SLOW);
        repeat(peer, SLOW);
        check();
        setInterval(() => carpd.tick(document, now()), 1000);
        let pending = 0;
        window.addEventListener('resize', () => {
            cancelAnimationFrame(pending);
            pending = requestAnimationFrame(() => carpd.drawPictures(state, now()));
        });
    };
}((globalThis.carpd ??= {})));
