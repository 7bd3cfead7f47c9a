// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * What a status says, as values: no element, no request. Loaded by the pages and by the tests.
 */
(function (carpd) {
    /** The kernel never sends a larger skew, however large the demotion is. */
    const MOST_SKEW = 240;

    const facts = (carpd.facts = {});

    /**
     * Why a vhid sends the skew that it sends: `{effective, why}`, both text. Demotion does not reach VRRP, and nothing is
     * said of a vhid that the kernel does not have.
     */
    facts.skew = function (vhid, total) {
        if (vhid.protocol === 'vrrp') {
            return { effective: carpd.text('skew_vrrp', { priority: vhid.priority ?? '?' }), why: carpd.text('skew_vrrp_why') };
        }
        const effective = vhid.effective_advskew;
        if (effective === null || effective === undefined) {
            return { effective: '–', why: '' };
        }
        const configured = vhid.advskew ?? 0;
        if (total === null || total === undefined) {
            return { effective: String(effective), why: carpd.text('skew_sum_unknown', { configured }) };
        }
        const sum = configured + total;
        const values = { configured, total, sum, effective, most: MOST_SKEW };
        if (Math.min(Math.max(sum, 0), MOST_SKEW) !== effective) {
            return { effective: String(effective), why: carpd.text('skew_on_its_way', values) };
        }
        if (total === 0) {
            return { effective: String(effective), why: carpd.text('skew_plain', values) };
        }
        const key = sum > MOST_SKEW ? 'skew_capped' : sum < 0 ? 'skew_negative' : 'skew_sum';
        return { effective: String(effective), why: carpd.text(key, values) };
    };

    /** Seconds between two adverts: advbase, and 1/256 s for each step of the skew. */
    facts.interval = function (vhid) {
        if (vhid.protocol === 'vrrp') {
            return vhid.interval === null ? null : vhid.interval / 100;
        }
        return vhid.effective_advskew === null ? null : vhid.advbase + vhid.effective_advskew / 256;
    };

    /**
     * The demotion as shares. They always add up: what the named parts leave over is a share of its own and called what it
     * is.
     */
    facts.demotion = function (demotion) {
        const shares = demotion.reasons.map((part) => ({ ...part }));
        const named = shares.reduce((sum, share) => sum + share.value, 0);
        if (demotion.total !== null && demotion.total !== undefined && named !== demotion.total) {
            shares.push({ name: '', source: 'unattributed', detail: '', value: demotion.total - named });
        }
        return { total: demotion.total ?? null, shares };
    };

    /** What can be put right without touching anybody else's share, as far as it is proven: a list of what to offer. */
    facts.corrections = function (demotion, maintenance) {
        const offers = [];
        if (maintenance?.demotion === 'stale' || maintenance?.demotion === 'missing') {
            offers.push({ kind: 'repair', state: maintenance.demotion });
        }
        if (demotion.ledger === 'uncertain') {
            offers.push({ kind: 'assume' });
        }
        return offers;
    };

    /** The interface of a vhid: its device, and the name that OPNsense gives it, if it knows one. */
    facts.interfaceOf = function (vhid, opnsense) {
        const assigned = opnsense?.interfaces?.[vhid.interface];
        return { device: vhid.interface, name: assigned?.descr ?? '', key: assigned?.key ?? '' };
    };

    facts.reference = (vhid) => `${vhid.vhid}@${vhid.interface}`;

    facts.describe = (vhid, opnsense) => opnsense?.vips?.[facts.reference(vhid)]?.descr ?? '';

    /**
     * The peer's view of the same vhid, or null. Devices may be called differently there, so it is the vhid with an address
     * in common; two vhids of one number on different segments never share one.
     */
    facts.sameOn = function (peer, vhid) {
        const others = peer.vhids.filter((other) => other.vhid === vhid.vhid);
        const shared = others.find((other) => other.addresses.some((address) => vhid.addresses.includes(address)));
        return shared ?? (vhid.addresses.length === 0 && others.length === 1 ? others[0] : null);
    };

    /** How the states of many vhids are said in a few words: `498 MASTER, 2 INIT`. */
    facts.count = function (vhids) {
        const counts = new Map();
        for (const { state } of vhids) {
            counts.set(state, (counts.get(state) ?? 0) + 1);
        }
        const order = ['MASTER', 'BACKUP', 'INIT', 'absent', 'unknown'];
        return order.filter((state) => counts.has(state)).map((state) => `${counts.get(state)} ${state}`).join(', ');
    };

    /** Vhids of which both nodes claim to be MASTER, or neither is. */
    facts.disagreements = function (vhids, peer) {
        return vhids.flatMap((vhid) => {
            const other = facts.sameOn(peer, vhid);
            if (other === null) {
                return [];
            }
            const masters = [vhid, other].filter((one) => one.state === 'MASTER').length;
            return masters === 1 ? [] : [{ vhid, kind: masters === 2 ? 'both' : 'neither' }];
        });
    };

    /** Whether a vhid is shown for what was typed into the filter. */
    facts.matches = function (vhid, opnsense, typed) {
        const { device, name } = facts.interfaceOf(vhid, opnsense);
        const text = [facts.reference(vhid), device, name, facts.describe(vhid, opnsense), vhid.state, ...vhid.addresses]
            .join(' ')
            .toLowerCase();
        return typed.toLowerCase().split(/\s+/).every((word) => text.includes(word));
    };

    /**
     * The documents with each finding once: carpd.toml is checked together with the config.xml that it names, so what is wrong
     * there is found twice. It stays where it is, or else where it was found first.
     */
    facts.documents = function (documents) {
        const key = ({ code, cause, place }) => JSON.stringify([code, cause, place?.file, place?.line]);
        const home = new Map();
        for (const document of documents) {
            for (const finding of document.findings) {
                if (!home.has(key(finding)) || finding.place?.file === document.file) {
                    home.set(key(finding), document);
                }
            }
        }
        return documents.map((document) => ({ ...document, findings: document.findings.filter((finding) => home.get(key(finding)) === document) }));
    };

    /** The worst severity among findings, `ok` if there are none. */
    facts.worst = (findings) => ['error', 'warning', 'note'].find((severity) => findings.some((finding) => finding.severity === severity)) ?? 'ok';

    /** All findings of the documents, the worst first, each with the file it is in. */
    facts.findings = function (documents) {
        const order = ['error', 'warning', 'note'];
        return facts
            .documents(documents)
            .flatMap((document) => document.findings.map((finding) => ({ file: document.file, ...finding })))
            .sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
    };
}((globalThis.carpd ??= {})));
