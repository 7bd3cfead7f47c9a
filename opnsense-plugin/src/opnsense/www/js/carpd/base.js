// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * What all pages of the plugin share: texts, elements, requests, times.
 *
 * Texts from outside (descriptions, reasons, names, messages) reach the page through `h` and `svg` only, which make text
 * nodes and attributes of them. Nothing here or in the pages takes HTML.
 */
(function (carpd) {
    const SVG = 'http://www.w3.org/2000/svg';

    /** The text of the page's list of texts, translated, with `{name}` replaced by `values.name`. */
    carpd.text = function (key, values = {}) {
        const text = carpd.texts[key];
        if (text === undefined) {
            throw new Error(`there is no text "${key}"`);
        }
        return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
    };

    /** Takes the texts from the elements that the view rendered. */
    carpd.readTexts = function (list) {
        carpd.texts = Object.fromEntries(
            Array.from(list.children, (item) => [item.dataset.key, item.textContent.trim()])
        );
    };

    function fill(element, attributes, children) {
        for (const [name, value] of Object.entries(attributes ?? {})) {
            if (typeof value === 'function') {
                element.addEventListener(name, value);
            } else if (value === true) {
                element.setAttribute(name, '');
            } else if (value !== false && value !== null && value !== undefined) {
                element.setAttribute(name, value);
            }
        }
        element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
        return element;
    }

    /** An element of the page. A function as attribute listens to the event of that name; strings become text. */
    carpd.h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

    /** The same for pictures. */
    carpd.svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

    const ENTITIES = { lt: '<', gt: '>', amp: '&' };

    /**
     * What an answer says. Core escapes `<`, `>` and `&` in the text of every answer to a browser, for pages that set it as
     * HTML; here it becomes text, so the escapes are undone once, before the JSON is read.
     */
    carpd.parse = function (body) {
        try {
            return JSON.parse(body.replace(/&(lt|gt|amp);/g, (whole, name) => ENTITIES[name]));
        } catch {
            return null;
        }
    };

    /**
     * Asks the server. Never rejects: `{answer}` holds what it said, `{error}` says why there is no answer.
     * Failures are shown by the page where they belong, so core's dialog for failed requests is kept out (`global`).
     */
    function ask(type, url, data, limit) {
        return new Promise((resolve) => {
            $.ajax({
                type,
                url,
                data,
                dataType: 'text',
                contentType: 'application/json',
                timeout: limit,
                global: false,
                complete: (request, status) => {
                    const answer = carpd.parse(request.responseText ?? '');
                    if (status === 'success' && answer !== null && typeof answer === 'object') {
                        resolve({ answer });
                    } else {
                        resolve({ error: failure(request, status, answer), status: request.status });
                    }
                },
            });
        });
    }

    function failure(request, status, answer) {
        if (status === 'timeout') {
            return carpd.text('no_answer_in_time');
        }
        if (request.status === 401 || request.status === 403) {
            return carpd.text('not_allowed');
        }
        const said = answer?.errorMessage;
        return said ? String(said) : carpd.text('no_answer', { status: request.status || status });
    }

    carpd.get = (url, limit = 20000) => ask('GET', url, undefined, limit);
    carpd.post = (url, data = {}, limit = 60000) => ask('POST', url, JSON.stringify(data), limit);

    /** A duration in seconds as people say it: its two largest units. */
    carpd.duration = function (seconds) {
        const whole = Math.max(0, Math.floor(seconds));
        const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
        const first = units.findIndex(([, size]) => whole >= size);
        if (first === -1) {
            return carpd.text('unit_s', { n: 0 });
        }
        const [name, size] = units[first];
        const parts = [carpd.text(`unit_${name}`, { n: Math.floor(whole / size) })];
        const second = units[first + 1];
        const rest = second ? Math.floor((whole % size) / second[1]) : 0;
        if (rest > 0) {
            parts.push(carpd.text(`unit_${second[0]}`, { n: rest }));
        }
        return parts.join(' ');
    };

    /** Seconds with as many digits as matter for a failover. */
    carpd.seconds = (seconds) => carpd.text('unit_s', { n: seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1) });

    const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' });

    /** A point in time as the reader writes it; one that is none stays as it is. */
    carpd.localTime = function (at) {
        const time = new Date(at);
        return Number.isNaN(time.getTime()) ? String(at) : TIME.format(time);
    };

    /** An element that `tick` keeps up to date: how long ago, or for how much longer. */
    carpd.relative = function (at, key = 'ago') {
        return carpd.h('time', { datetime: at, 'data-relative': key, title: carpd.localTime(at) });
    };

    /** Writes all relative times below `root`, as of the server's clock `now` (ms). */
    carpd.tick = function (root, now) {
        for (const element of root.querySelectorAll('time[data-relative]')) {
            const distance = Math.abs(now - Date.parse(element.dateTime)) / 1000;
            const text = carpd.text(element.dataset.relative, { time: carpd.duration(distance) });
            if (element.textContent !== text) {
                element.textContent = text;
            }
        }
    };

    const STATES = { MASTER: 'master', BACKUP: 'backup', INIT: 'init', absent: 'absent', unknown: 'unknown' };

    /** A state as a badge. Its word is its meaning, the colour only helps. */
    carpd.state = (state) => carpd.h('span', { class: `carpd-badge carpd-state-${STATES[state] ?? 'unknown'}` }, state);

    /** A severity as a badge. */
    carpd.severity = function (severity) {
        const known = ['ok', 'note', 'unknown', 'warning', 'error', 'critical'].includes(severity) ? severity : 'unknown';
        return carpd.h('span', { class: `carpd-badge carpd-severity-${known}` }, carpd.text(`severity_${known}`));
    };

    /** A line of a list of facts: what it is, and what it is now. */
    carpd.fact = (key, ...value) => [carpd.h('dt', null, carpd.text(key)), carpd.h('dd', null, value)];

    /**
     * The parts of the page "Status", by the element that they fill: `needs(state)` gives what a part shows, so that it is drawn
     * again only if that changes, and `render(state, page)` gives its elements.
     */
    carpd.parts = {};

    /** A message about something that was done or went wrong, to be put where it belongs. */
    carpd.message = (kind, ...children) => carpd.h('div', { class: `alert carpd-alert carpd-alert-${kind}`, role: 'status' }, children);
}((globalThis.carpd ??= {})));
