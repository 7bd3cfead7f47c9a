// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * Maintenance: entering asks first whether the peer could take over, leaving asks once, and both say how it went.
 */
(function (carpd) {
    const { h, text } = carpd;
    const DIALOG = 'DialogMaintenance';

    const field = (name) => document.getElementById(`maintenance.${name}`);
    let refresh = () => {};

    /** Wires the dialog that the view rendered; `then` looks at the state again. */
    carpd.setUpMaintenance = function (then) {
        refresh = then;
        const dialog = document.getElementById(DIALOG);
        const said = h('div', { id: 'carpd-preflight' });
        dialog.querySelector('.modal-body').prepend(said);
        document.getElementById(`btn_${DIALOG}_save`).addEventListener('click', enter);
    };

    const buttons = (inIt) => [
        h(
            'button',
            { type: 'button', class: inIt ? 'btn btn-default' : 'btn btn-primary', id: 'carpd-enter', click: open },
            h('i', { class: 'fa fa-fw fa-pause', 'aria-hidden': 'true' }), ' ', text(inIt ? 'maintenance_change' : 'maintenance_enter')
        ),
        inIt ? h(
            'button',
            { type: 'button', class: 'btn btn-primary', id: 'carpd-leave', click: leave },
            h('i', { class: 'fa fa-fw fa-play', 'aria-hidden': 'true' }), ' ', text('maintenance_leave')
        ) : null,
    ];

    /** OPNsense's flag is the truth; what carpd knows beside it is the reason, the owner and the end. */
    function render(state) {
        if (state.status === null && state.error === null) {
            return [h('h3', null, text('maintenance')), h('p', { class: 'carpd-quiet' }, text('loading'))];
        }
        const flag = state.status?.opnsense?.maintenance;
        const known = state.status?.data?.maintenance;
        const inIt = flag ? flag.active : known?.active ?? false;
        const parts = [h('h3', null, text('maintenance'))];
        if (!flag && (!known || known.unknown)) {
            parts.push(h('p', null, text('maintenance_unknown')));
        } else if (!inIt) {
            parts.push(h('p', null, text('maintenance_not')));
        } else {
            parts.push(h('p', null, h('b', null, text('maintenance_in')), ' ', text('maintenance_effect')), h('dl', { class: 'carpd-facts' }, maintenanceFacts(flag ?? known)));
        }
        if (flag && !flag.active && known?.active && !known.opnsense) {
            parts.push(carpd.message('warning', text('maintenance_carpctl', { reason: known.reason || text('no_reason') })));
        }
        if (flag?.text && (flag.demotion === 'stale' || flag.demotion === 'missing')) {
            parts.push(carpd.message('warning', flag.text));
        }
        parts.push(h('div', { id: 'carpd-maintenance-said' }), h('div', { class: 'carpd-buttons' }, buttons(inIt)));
        return parts;
    }

    function maintenanceFacts(known) {
        return [
            carpd.fact('reason', known.reason || text('no_reason')),
            carpd.fact('by', known.by || text('maintenance_by_core')),
            carpd.fact('since_label', known.since ? carpd.relative(known.since) : text('since_unknown')),
            carpd.fact('until', known.until ? carpd.relative(known.until, 'in') : text('until_left')),
        ];
    }

    carpd.parts.maintenance = {
        needs: ({ status, error }) => [status?.opnsense?.maintenance, status?.data?.maintenance, status === null && error],
        render,
    };

    const say = (where, kind, ...message) => document.getElementById(where)?.replaceChildren(carpd.message(kind, ...message));

    async function open() {
        field('force').checked = false;
        say('carpd-preflight', 'info', text('preflight_asking'));
        $(`#${DIALOG}`).modal({ backdrop: 'static' });
        const { answer, error } = await carpd.get('/api/carpd/maintenance/preflight');
        const found = answer?.answer ?? 'unknown';
        const kind = { yes: 'success', no: 'danger' }[found] ?? 'warning';
        say('carpd-preflight', kind, h('b', null, text(`preflight_${kind === 'warning' ? 'unknown' : found}`)), ' ', error ?? answer.text ?? '');
    }

    async function enter() {
        const save = document.getElementById(`btn_${DIALOG}_save`);
        const progress = document.getElementById(`btn_${DIALOG}_save_progress`);
        save.disabled = true;
        progress.className = 'fa fa-spinner fa-pulse';
        const { answer, error } = await carpd.post('/api/carpd/maintenance/enter', {
            reason: field('reason').value,
            for: field('for').value,
            force: field('force').checked ? '1' : '0',
        });
        save.disabled = false;
        progress.className = '';
        if (answer?.result === 'ok') {
            $(`#${DIALOG}`).modal('hide');
            await refresh();
            say('carpd-maintenance-said', 'success', answer.message ?? '');
            return;
        }
        const refused = answer?.result === 'refused';
        say('carpd-preflight', 'danger', h('b', null, text(refused ? 'refused' : 'failed')), ' ', error ?? answer.message ?? '', refused ? ` ${text('refused_force')}` : '');
    }

    function leave() {
        BootstrapDialog.show({
            type: BootstrapDialog.TYPE_INFO,
            title: document.createTextNode(text('maintenance_leave')),
            message: $(h('p', null, text('maintenance_leave_ask'))),
            buttons: [
                { label: text('cancel'), action: (dialog) => dialog.close() },
                { label: text('maintenance_leave'), cssClass: 'btn-primary', action: (dialog) => { dialog.close(); left(); } },
            ],
        });
    }

    async function left() {
        const button = document.getElementById('carpd-leave');
        if (button) {
            button.disabled = true;
        }
        const { answer, error } = await carpd.post('/api/carpd/maintenance/leave');
        await refresh();
        const still = document.getElementById('carpd-leave');
        if (still) {
            still.disabled = false;
        }
        say('carpd-maintenance-said', answer?.result === 'ok' ? 'success' : 'danger', error ?? answer.message ?? '');
    }
}((globalThis.carpd ??= {})));
