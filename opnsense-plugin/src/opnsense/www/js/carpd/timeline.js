// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * Lanes of bars over time, as a picture. Knows neither vhids nor services: whoever calls says what the bars mean.
 */
(function (carpd) {
    const LANE = 26;
    const BAR = 18;
    const AXIS = 22;
    /** Text narrower than its bar needs about so many pixels a letter, at 11 px. */
    const LETTER = 6.6;

    const STEPS = [
        0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
        172800, 604800, 2592000,
    ];

    /** Times (ms) for at most `most` marks between `from` and `to`, on round steps counted from `origin`. */
    carpd.marks = function (from, to, most, origin) {
        const span = (to - from) / 1000;
        const step = STEPS.find((size) => span / size <= most) ?? span;
        const marks = [];
        for (let n = Math.ceil((from - origin) / 1000 / step); origin + n * step * 1000 <= to; n++) {
            marks.push(origin + n * step * 1000);
        }
        return marks;
    };

    function clock(at, span) {
        const time = new Date(at);
        if (span > 2 * 86400000) {
            return time.toLocaleDateString(undefined, { month: 'short', day: 'numeric' });
        }
        const seconds = span < 600000 ? { second: '2-digit' } : {};
        return time.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', ...seconds });
    }

    /** How many pixels the axis needs for one of its words. */
    const WORD = 84;

    /**
     * Draws into `host`. `picture` is `{from, to, origin, label, lanes}`: times in ms; with `origin` the axis counts seconds
     * from it, without it shows the time of day. A lane is `{label, title, bars}`, a bar `{from, to, kind, text, title}`.
     */
    carpd.draw = function (host, picture) {
        const width = Math.max(host.clientWidth, 280);
        const longest = Math.max(...picture.lanes.map((lane) => lane.label.length), 4);
        const left = Math.min(Math.ceil(longest * LETTER) + 16, Math.round(width * 0.3));
        const height = picture.lanes.length * LANE + AXIS;
        const span = Math.max(picture.to - picture.from, 1);
        const x = (at) => left + ((Math.min(Math.max(at, picture.from), picture.to) - picture.from) / span) * (width - left - 8);
        const { svg } = carpd;

        const day = new Date(picture.from);
        const marks = carpd.marks(picture.from, picture.to, Math.max(2, Math.floor((width - left) / WORD)), picture.origin ?? day.setHours(0, 0, 0, 0));
        const axis = marks.map((at) => [
            svg('line', { class: 'carpd-grid', x1: x(at), x2: x(at), y1: 0, y2: height - AXIS }),
            svg(
                'text',
                { class: 'carpd-axis', x: x(at), y: height - 6, 'text-anchor': 'middle' },
                picture.origin === undefined ? clock(at, span) : carpd.text('unit_s', { n: Number(((at - picture.origin) / 1000).toFixed(1)) })
            ),
        ]);
        const lanes = picture.lanes.map((lane, index) => drawLane(lane, index * LANE, left, x));
        host.replaceChildren(
            svg(
                'svg',
                { class: 'carpd-timeline', role: 'img', 'aria-label': picture.label, width, height, viewBox: `0 0 ${width} ${height}` },
                hatch(),
                axis,
                lanes
            )
        );
    };

    /** Lines over a bar, for what is neither one thing nor the other. */
    function hatch() {
        const { svg } = carpd;
        return svg(
            'defs',
            null,
            svg(
                'pattern',
                { id: 'carpd-hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
                svg('line', { class: 'carpd-hatch', x1: 0, y1: 0, x2: 0, y2: 6 })
            )
        );
    }

    function drawLane(lane, top, left, x) {
        const { svg } = carpd;
        const y = top + (LANE - BAR) / 2;
        const fits = Math.floor((left - 12) / LETTER);
        const label = lane.label.length > fits ? `${lane.label.slice(0, Math.max(1, fits - 1))}…` : lane.label;
        const bars = lane.bars.map((bar) => {
            const start = x(bar.from);
            const length = Math.max(x(bar.to) - start, 2);
            const text = bar.text.length * LETTER + 6 <= length ? bar.text : bar.text.length > 1 && 14 <= length ? bar.text[0] : '';
            return svg(
                'g',
                { class: `carpd-bar carpd-bar-${bar.kind}` },
                svg('title', null, bar.title),
                svg('rect', { x: start, y, width: length, height: BAR, rx: 2 }),
                bar.kind === 'init' || bar.kind === 'failed' ? svg('rect', { class: 'carpd-over', x: start, y, width: length, height: BAR, rx: 2, fill: 'url(#carpd-hatch)' }) : null,
                text ? svg('text', { x: start + length / 2, y: y + BAR - 5, 'text-anchor': 'middle' }, text) : null
            );
        });
        return svg(
            'g',
            { class: 'carpd-lane' },
            svg('text', { class: 'carpd-lane-label', x: left - 8, y: y + BAR - 5, 'text-anchor': 'end' }, svg('title', null, lane.title), label),
            bars
        );
    }
}((globalThis.carpd ??= {})));
