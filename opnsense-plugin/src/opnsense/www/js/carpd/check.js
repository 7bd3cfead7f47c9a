// SPDX-License-Identifier: BSD-2-Clause
'use strict';

/*
 * The page "Check": what is wrong with this node's configuration, and with the peer's beside it when its file is given. The
 * file is looked at and forgotten.
 */
(function (carpd) {
    const { h, text, facts } = carpd;
    /** What the server accepts, in bytes. */
    const LARGEST = 8 * 1024 * 1024;

    const place = (id) => document.getElementById(id);

    function documentsView(check) {
        if (check === null || check.error !== undefined) {
            return [carpd.findingsView(check)];
        }
        return facts.documents(check.documents).map((document) =>
            h(
                'section',
                { class: 'carpd-document' },
                h('h4', null, document.file, ' ', carpd.severity(facts.worst(document.findings))),
                carpd.findingsView({ documents: [document] })
            ));
    }

    const show = (id, check) => place(id).replaceChildren(...documentsView(check));

    const asCheck = ({ answer, error }) =>
        (answer?.result === 'ok' ? { documents: answer.documents } : { error: error ?? answer.message ?? '' });

    async function own() {
        show('carpd-own', null);
        const button = place('carpd-again');
        button.disabled = true;
        show('carpd-own', asCheck(await carpd.get('/api/carpd/status/config_check', 60000)));
        button.disabled = false;
    }

    async function peer(file) {
        if (!file) {
            return;
        }
        if (file.size > LARGEST) {
            show('carpd-peer', { error: text('peer_too_large') });
            return;
        }
        show('carpd-peer', null);
        const content = await file.text();
        show('carpd-peer', asCheck(await carpd.post('/api/carpd/status/config_check_peer', { peer: content }, 120000)));
    }

    carpd.startCheck = function () {
        carpd.readTexts(place('carpd-texts'));
        place('carpd-again').addEventListener('click', own);
        const file = place('carpd-peer-file');
        file.addEventListener('change', () => {
            peer(file.files[0]);
            // The same file can be chosen again after it was changed.
            file.value = '';
        });
        own();
    };
}((globalThis.carpd ??= {})));
