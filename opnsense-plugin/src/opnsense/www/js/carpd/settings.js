// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * The page "Settings": forms and grids are core's; what is added is that a dialog shows only the fields which the chosen
 * profile, driver or kind of probe has.
 */
(function (carpd) {
    const GRIDS = { service: 'Service', probe: 'Probe' };

    /** Fields of the dialogs that mean something only with certain choices of another field: `{field: [values]}`. */
    carpd.fieldRules = {
        service: {
            rc_script: { driver: ['rc'] },
            configd_start: { driver: ['configd'] },
            configd_stop: { driver: ['configd'] },
            script: { driver: ['script'] },
        },
        probe: {
            connect: { kind: ['tcp'] },
            url: { kind: ['http'] },
            healthy: { kind: ['http'] },
            ignored: { kind: ['http'] },
            program: { kind: ['process'] },
            pidfile: { kind: ['process'] },
            path: { kind: ['file'] },
            max_age: { kind: ['file'] },
            script: { kind: ['script'] },
            demote: { effect: ['demote'] },
        },
    };

    const field = (dialog, name) => document.getElementById(`${dialog}.${name}`);
    const row = (dialog, name) => document.getElementById(`row_${dialog}.${name}`);

    /** Whether a field is shown, for a function that gives the value of a field. */
    carpd.isShown = (rule, value) => Object.entries(rule).every(([name, values]) => values.includes(value(name) ?? ''));

    function showFields(dialog) {
        const value = (name) => field(dialog, name)?.value;
        for (const [name, rule] of Object.entries(carpd.fieldRules[dialog])) {
            const element = row(dialog, name);
            if (element) {
                // The class, not `hidden` or a style: core's switch "advanced mode" uses those for itself.
                element.classList.toggle('carpd-not-here', !carpd.isShown(rule, value));
            }
        }
    }

    function grid(dialog, id) {
        const base = '/api/carpd/settings/';
        const names = new Set(Object.values(carpd.fieldRules[dialog]).flatMap((rule) => Object.keys(rule)));
        for (const name of names) {
            $(field(dialog, name)).on('change', () => showFields(dialog));
        }
        return $(`#${id}`).UIBootgrid({
            search: `${base}search_${dialog}/`,
            get: `${base}get_${dialog}/`,
            set: `${base}set_${dialog}/`,
            add: `${base}add_${dialog}/`,
            del: `${base}del_${dialog}/`,
            toggle: `${base}toggle_${dialog}/`,
        });
    }

    /** Saves both forms; the deferred object is rejected if one of them has a mistake, and nothing is applied then. */
    function save() {
        const done = new $.Deferred();
        const give = (url, form) => new Promise((resolve, reject) => { saveFormToEndpoint(url, form, resolve, true, reject); });
        give('/api/carpd/settings/set', 'frm_general')
            .then(() => give('/api/carpd/settings/set_node', 'frm_node'))
            .then(() => { done.resolve(); }, () => { done.reject(); });
        return done;
    }

    function tabs() {
        const open = () => {
            const tab = document.querySelector(`#maintabs a[href="${CSS.escape(window.location.hash).replace(/^\\#/, '#')}"]`);
            if (tab) {
                $(tab).tab('show');
            }
        };
        $('#maintabs a').on('shown.bs.tab', (event) => { history.replaceState(null, '', event.target.hash); });
        window.addEventListener('hashchange', open);
        open();
    }

    carpd.startSettings = function (grids) {
        mapDataToFormUI({ frm_general: '/api/carpd/settings/get', frm_node: '/api/carpd/settings/get_node' }).done(() => {
            formatTokenizersUI();
            $('.selectpicker').selectpicker('refresh');
            updateServiceControlUI('carpd');
        });
        for (const dialog of Object.keys(GRIDS)) {
            grid(dialog, grids[dialog]);
        }
        $('#reconfigureAct').SimpleActionButton({ onPreAction: save });
        tabs();
    };
}((globalThis.carpd ??= {})));
