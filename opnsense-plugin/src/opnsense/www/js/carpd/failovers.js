// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * Failovers, read out of the history. A failover is a run of state changes of vhids with a MASTER in it.
 */
(function (carpd) {
    /**
     * Changes further apart than this (ms) belong to different failovers. The slowest takeover, at advbase 1, comes after
     * 3.94 s of silence.
     */
    const PAUSE = 5000;
    /** A service that has not moved this long (ms) after the last vhid did not move because of it. */
    const SERVICE_LIMIT = 60000;

    const STATE = /^(?:is (\w+)|(\w+) -> (\w+)(?: after ([\d.]+) s)?)$/;
    const ACTION = /^(start|stop) (ok|failed|timed out).*? after ([\d.]+) s/;

    /** `{at, object, from, to}` of a line about a vhid, or null. `from` is null where only the first look is told. */
    function change(entry) {
        const found = entry.topic === 'vhid' ? STATE.exec(entry.text) : null;
        if (found === null) {
            return null;
        }
        const at = Date.parse(entry.time);
        return found[1] ? { at, object: entry.object, from: null, to: found[1] } : { at, object: entry.object, from: found[2], to: found[3] };
    }

    /** `{object, kind, result, from, at}` of a line about a service that was started or stopped, or null. */
    function action(entry) {
        const found = entry.topic === 'service' ? ACTION.exec(entry.text) : null;
        if (found === null) {
            return null;
        }
        const at = Date.parse(entry.time);
        return { object: entry.object, kind: found[1], result: found[2], from: at - Number(found[3]) * 1000, at };
    }

    /** The failovers of a history, the newest first. */
    carpd.failovers = function (entries) {
        const runs = [];
        for (const one of entries.map(change)) {
            if (one === null || one.from === null) {
                continue;
            }
            const run = runs.at(-1);
            if (run && one.at - run.at(-1).at <= PAUSE) {
                run.push(one);
            } else {
                runs.push([one]);
            }
        }
        const actions = entries.map(action).filter((one) => one !== null);
        return runs
            .filter((run) => run.some((one) => one.from === 'MASTER' || one.to === 'MASTER'))
            .map((run, index, all) => describe(run, actions, all[index + 1]?.[0].at ?? Infinity))
            .reverse();
    };

    /** A state that is left again in the same run is not where it went. */
    function net(run) {
        const moved = new Map();
        for (const { object, from, to } of run) {
            moved.set(object, { from: moved.get(object)?.from ?? from, to });
        }
        return [...moved.values()];
    }

    function describe(run, actions, next) {
        const from = run[0].at;
        const to = run.at(-1).at;
        const belongs = (one) => one.from >= from - 1000 && one.from <= Math.min(to + SERVICE_LIMIT, next - 1);
        const services = actions.filter(belongs);
        const moves = net(run);
        const gained = moves.filter((one) => one.from !== 'MASTER' && one.to === 'MASTER').length;
        const lost = moves.filter((one) => one.from === 'MASTER' && one.to !== 'MASTER').length;
        const failed = services.some((one) => one.result !== 'ok');
        const end = Math.max(to, ...services.map((one) => one.at));
        return { from, to, end, changes: run, services, gained, lost, bounced: gained + lost === 0, failed };
    }

    /**
     * What each vhid was at which time between `from` and `to`, as lanes `{objects, bars: [{from, to, state}]}`. Vhids that
     * moved together, to a tenth of a second, share a lane: 500 of them stay one line to read.
     */
    carpd.lanes = function (changes, from, to) {
        const byObject = new Map();
        for (const one of changes) {
            if (!byObject.has(one.object)) {
                byObject.set(one.object, []);
            }
            byObject.get(one.object).push(one);
        }
        const lanes = new Map();
        for (const [object, list] of byObject) {
            const key = list.map((one) => `${Math.round(one.at / 100)} ${one.from} ${one.to}`).join('|');
            if (!lanes.has(key)) {
                lanes.set(key, { objects: [], bars: bars(list, from, to) });
            }
            lanes.get(key).objects.push(object);
        }
        return [...lanes.values()];
    };

    function bars(list, from, to) {
        const result = [];
        let since = from;
        for (const one of list) {
            if (one.from !== null && one.at > since) {
                result.push({ from: since, to: one.at, state: one.from });
            }
            since = Math.max(since, one.at);
        }
        result.push({ from: since, to, state: list.at(-1).to });
        return result;
    }

    const AFTER = { start: 'running', stop: 'stopped' };

    /**
     * What each service was doing between `from` and `to`, as lanes like those of `lanes`. An action that failed leaves it
     * unknown what the service is.
     */
    carpd.serviceLanes = function (actions, from, to) {
        const lanes = new Map();
        for (const one of actions) {
            if (!lanes.has(one.object)) {
                const before = one.kind === 'start' ? 'stopped' : 'running';
                lanes.set(one.object, { objects: [one.object], bars: [], since: from, state: before });
            }
            const lane = lanes.get(one.object);
            if (lane.state !== null && one.from > lane.since) {
                lane.bars.push({ from: lane.since, to: one.from, state: lane.state });
            }
            lane.bars.push({ from: Math.max(one.from, lane.since), to: one.at, state: one.result === 'ok' ? one.kind : 'failed' });
            lane.since = one.at;
            lane.state = one.result === 'ok' ? AFTER[one.kind] : null;
        }
        return [...lanes.values()].map(({ objects, bars, since, state }) => ({
            objects,
            bars: state !== null && to > since ? [...bars, { from: since, to, state }] : bars,
        }));
    };

    /** All changes of all vhids, the first look included: what an overview draws. */
    carpd.changes = (entries) => entries.map(change).filter((one) => one !== null);

    /** Times of maintenance `{from, to}` between the first entry and `now`. */
    carpd.maintenanceSpans = function (entries, now) {
        const spans = [];
        let since = null;
        for (const entry of entries) {
            if (entry.topic !== 'maintenance') {
                continue;
            }
            if (entry.text.startsWith('entered')) {
                since ??= Date.parse(entry.time);
            } else if (entry.text.startsWith('left')) {
                spans.push({ from: since ?? Date.parse(entries[0].time), to: Date.parse(entry.time) });
                since = null;
            }
        }
        if (since !== null) {
            spans.push({ from: since, to: now });
        }
        return spans;
    };
}((globalThis.carpd ??= {})));
